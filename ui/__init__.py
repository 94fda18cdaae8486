"""The web app: what people see, and what their browsers ask. It computes nothing; it shows the ledger and its jobs.

page.py draws the tabs, create.py the one with the form; what the tabs ask lies in routes/, what runs in browsers in
static/. Gradio draws the forms; what moves is drawn by small custom elements that ask the routes, so that a page heals
itself when the server or the network comes back.
"""
