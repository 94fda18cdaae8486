"""The analyse job: what is known about a clip, and the plan that it proposes, for people who then edit it."""
