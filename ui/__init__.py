"""The web app: pages and JSON routes. It computes nothing itself: it submits jobs and shows the ledger.

page.py builds the tabs, create.py the one with the form; routes/ holds the JSON API and static/ the browser code.
Gradio renders the form. Everything that changes live is rendered by custom elements that poll the routes, so that an
open page recovers by itself when the server or the network comes back.
"""
