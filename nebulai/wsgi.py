"""What gunicorn serves: `gunicorn nebulai.wsgi` (gunicorn.conf.py has the rest)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nebulai.settings")

application = get_wsgi_application()
