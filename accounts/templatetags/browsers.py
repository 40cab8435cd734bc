"""{{ session.user_agent|browser }}"""

from django import template

from accounts.browsers import name_of

register = template.Library()
register.filter("browser", name_of)
