"""What gunicorn loads."""

from service.app import create_app
from service.logs import configure
from service.settings import Settings

settings = Settings.from_env()
configure(settings)
app = create_app(settings)
