"""Beyond one machine: adapters to Ray (the extra `cluster`), which distributes, retries and scales.

remote      a bundle whose networks run behind Ray Serve: what NEBULAI_GENERATOR=ray://host:port lets the site use
replica     what Ray Serve runs: manage.py serve_generator
sets        what paints the batches of a set: manage.py generate --ray ADDRESS
connection  how a command reaches a cluster

Only `replica`, `sets` and `connection` import Ray; the site's own processes need none of it.
"""
