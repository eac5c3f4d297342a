"""A Django site without pages: logs a person in, or reads sessions that another program wrote. JSON in, JSON out."""

import json
import sys

import django
from django.conf import settings

SECRET_KEY = "a secret key that tideway and this site share"
settings.configure(
    SECRET_KEY=SECRET_KEY,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    USE_TZ=True,
)
django.setup()

from django.contrib.auth import authenticate, get_user, login  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.contrib.sessions.backends import db, signed_cookies  # noqa: E402
from django.contrib.sessions.models import Session  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.http import HttpRequest  # noqa: E402

call_command("migrate", verbosity=0)
User.objects.create_user("ada", password="lovelace")


def logged_in(store, values):
    request = HttpRequest()
    request.session = store
    login(request, authenticate(username="ada", password="lovelace"))
    store.update(values)
    store.save()
    return store.session_key


def reader(store):
    request = HttpRequest()
    request.session = store
    return {"user": get_user(request).username, "values": dict(store.items())}


order = json.load(sys.stdin)
if order["do"] == "write":
    key = logged_in(db.SessionStore(), order["values"])
    user = User.objects.get(username="ada")
    answer = {
        "sessionKey": key,
        "sessionData": Session.objects.get(session_key=key).session_data,
        "cookie": logged_in(signed_cookies.SessionStore(), order["values"]),
        "password": user.password,
        "sessionHash": user.get_session_auth_hash(),
        "userId": user.pk,
    }
else:
    User.objects.filter(username="ada").update(password=order["password"])
    Session.objects.create(
        session_key=order["sessionKey"], session_data=order["sessionData"], expire_date="2999-01-01T00:00:00Z"
    )
    answer = {
        "database": reader(db.SessionStore(order["sessionKey"])),
        "cookie": reader(signed_cookies.SessionStore(order["cookie"])),
    }
print(json.dumps(answer))
