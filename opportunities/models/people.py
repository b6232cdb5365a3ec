"""People who sign in, their drafts and their saved views."""

import uuid
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class Role(models.TextChoices):
    SALES = "sales", "Sales"
    MANAGER = "manager", "Manager"
    COMPLIANCE = "compliance", "Compliance"


class PersonManager(BaseUserManager["Person"]):
    pass


class Person(AbstractBaseUser):
    """Someone the sign-on provider vouched for, known by `iss` and `sub` (OpenID Connect Core 5.7).

    The e-mail never identifies them. `member_id` is their user id in Slant: the book member with the same
    verified e-mail, or the one a manager linked. `board_query` holds the last filters of their board. They
    get no page until `slowed_until`, because they exceeded a limit. Nobody has a password here; Django's
    field stays unusable.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    iss = models.CharField(max_length=255)
    sub = models.CharField(max_length=255)
    email = models.EmailField(blank=True)
    name = models.CharField(max_length=200, blank=True)
    roles = models.JSONField(default=list)
    member_id = models.CharField(max_length=200, blank=True, db_index=True)
    member_linked_by = models.CharField(max_length=255, blank=True)
    theme = models.CharField(max_length=5, default="auto")
    shortcuts = models.BooleanField(default=True)
    board_query = models.CharField(max_length=1000, blank=True)
    is_active = models.BooleanField(default=True)
    slowed_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PersonManager()

    USERNAME_FIELD = "id"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [models.UniqueConstraint(fields=["iss", "sub"], name="person_iss_sub")]

    def __str__(self) -> str:
        return self.name or self.email or self.sub

    @property
    def display(self) -> str:
        return str(self)

    @property
    def is_sales(self) -> bool:
        return Role.SALES in self.roles

    @property
    def is_manager(self) -> bool:
        return Role.MANAGER in self.roles

    @property
    def is_compliance(self) -> bool:
        return Role.COMPLIANCE in self.roles


class Draft(models.Model):
    """What somebody typed into a form and did not submit. It survives an ended session or closed tab."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="drafts")
    form = models.CharField(max_length=40)
    fields = models.JSONField(default=dict)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "form"], name="draft_person_form")]

    def __str__(self) -> str:
        return f"{self.form} of {self.person_id}"


class SavedView(models.Model):
    """A named selection of deals: the query string of the board or list, without its page.

    Any person with the link may open it, and sees only the deals of their own books.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=80)
    query = models.CharField(max_length=1000, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "created_at"]
        constraints = [models.UniqueConstraint(fields=["person", "name"], name="saved_view_person_name")]

    def __str__(self) -> str:
        return self.name
