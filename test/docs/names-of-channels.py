"""Prints, as JSON, the public classes and functions of the installed Channels and channels_redis, with the methods of each class."""
import importlib
import inspect
import json

import django
from django.conf import settings

settings.configure(INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "channels"])
django.setup()

MODULES = [
    "channels.auth", "channels.consumer", "channels.db", "channels.exceptions", "channels.generic.http",
    "channels.generic.websocket", "channels.layers", "channels.middleware", "channels.routing",
    "channels.security.websocket", "channels.sessions", "channels.testing", "channels.worker",
    "channels_redis.core", "channels_redis.pubsub",
]

names = {}
for module in map(importlib.import_module, MODULES):
    for name, value in vars(module).items():
        if name.startswith("_") or not (inspect.isclass(value) or inspect.isfunction(value)):
            continue
        if value.__module__.split(".")[0] in ("channels", "channels_redis"):
            methods = vars(value).items() if inspect.isclass(value) else ()
            names[name] = [key for key, method in methods if not key.startswith("_") and inspect.isfunction(method)]
print(json.dumps(names))
