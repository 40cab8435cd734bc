"""Beyond one machine: adapters to Ray (the extra `cluster`), which distributes, retries and scales.

remote      a bundle whose networks run behind Ray Serve: what NEBULAI_GENERATOR=ray://host:port lets the site use
replica     what Ray Serve runs: manage.py serve_generator
sets        what paints the batches of a set: manage.py generate --ray ADDRESS
training    workers that train the GAN together: manage.py train --ray ADDRESS
link        what they and the command tell each other
bundles     how a bundle gets to a worker
connection  how a command reaches a cluster

Only `remote` needs no Ray, and so the site's own processes need none.
"""
