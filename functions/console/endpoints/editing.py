"""The form that creates or changes an endpoint, with preview and test of the unsaved draft."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from aws_lambda_powertools import Logger
from pydantic import TypeAdapter, ValidationError

from console.endpoints import preview_and_test, retry_plan, secrets
from console.endpoints.fields import changes_of, fields_of, placed, spec_of
from console.endpoints.form import EndpointForm, version_sent
from console.endpoints.preview_and_test import Tried
from console.endpoints.retry_plan import RetryPlan
from console.web.answer import Page, fragment, page, redirect
from console.web.errors import NO_ERRORS, FieldErrors
from console.web.request import PageRequest
from console.web.routing import Result, Router
from posthorn import wiring
from posthorn.core.errors import ConflictError, InvalidError, LimitedError, StaleVersionError
from posthorn.endpoint_tests.drafts import Draft
from posthorn.endpoints.history import DifferenceView
from posthorn.models import Endpoint, EndpointStatus, EventType, RetryPolicy, Scope
from posthorn.tenants.console_sessions import Session

MOST_TYPES = 250  # choices; further types are typed as patterns
SAVE = "save"
_RETRY: TypeAdapter[RetryPolicy] = TypeAdapter(RetryPolicy)
logger = Logger()
router = Router()


@dataclass(frozen=True)
class Editing:
    """A submitted form, the endpoint that it changes, and the result."""

    visitor: Session
    request: PageRequest
    form: EndpointForm
    saved: Endpoint | None = None
    errors: FieldErrors = NO_ERRORS
    refused: str = ""
    tried: Tried | None = None
    changed_meanwhile: tuple[DifferenceView, ...] = ()
    opened: str = ""  # the rows that the button acted on


@router.get("/console/endpoints/new", needs=Scope.CONFIG_WRITE)
def new(visitor: Session, request: PageRequest) -> Result:
    name = request.query.get("event_type")
    types = (name,) if name in wiring.catalogue().types() else ()
    status = EndpointStatus.DISABLED if wiring.settings().require_test else EndpointStatus.ENABLED
    form = EndpointForm.blank(types, status=status.value)
    return _form(Editing(visitor, request, form))


@router.post("/console/endpoints/new", needs=Scope.CONFIG_WRITE)
def send_new(visitor: Session, request: PageRequest) -> Result:
    return _answer(Editing(visitor, request, EndpointForm.read(request.form)))


@router.get("/console/endpoints/{id}/edit", needs=Scope.CONFIG_WRITE)
def edit(visitor: Session, request: PageRequest) -> Result:
    saved = wiring.endpoints().endpoint(visitor.tenant, request.params["id"])
    types = wiring.catalogue().types()
    form = EndpointForm.of(saved, types, version=str(saved.version))
    return _form(Editing(visitor, request, form, saved))


@router.post("/console/endpoints/{id}/edit", needs=Scope.CONFIG_WRITE)
def send_edit(visitor: Session, request: PageRequest) -> Result:
    saved = wiring.endpoints().endpoint(visitor.tenant, request.params["id"])
    return _answer(Editing(visitor, request, EndpointForm.read(request.form), saved))


def _answer(editing: Editing) -> Result:
    """A refused form is shown again with the values that were typed."""
    try:
        return _done(editing)
    except StaleVersionError as refusal:
        return _form(_caught_up(editing), status=refusal.status)
    except InvalidError as refusal:
        errors = placed(editing.form, refusal)
        return _form(replace(editing, errors=errors), status=refusal.status)
    except (ConflictError, LimitedError) as refusal:
        return _form(replace(editing, refused=refusal.detail), status=refusal.status)


def _done(editing: Editing) -> Result:
    form = editing.form
    action, _, at = editing.request.form.get("do", SAVE).partition(" ")
    if action == SAVE:
        return _changed(editing, editing.saved) if editing.saved else _created(editing)
    if action in preview_and_test.KINDS:
        came = preview_and_test.tried(
            action, editing.visitor, _draft(editing), editing.request.form
        )
        return _form(replace(editing, tried=came))
    if action == "add":
        return _form(replace(editing, form=form.with_row(at), opened=at))
    if action == "remove":
        return _form(replace(editing, form=form.without_row(at), opened=at.partition("/")[0]))
    return _form(editing)


def _created(editing: Editing) -> Result:
    visitor = editing.visitor
    made, secret = wiring.endpoints().create(
        visitor.tenant, spec_of(editing.form), by=visitor.key_id
    )
    logger.info("endpoint created", tenant=made.tenant, endpoint_id=made.id, key_id=visitor.key_id)
    return secrets.shown(made, secret, why="created")


def _changed(editing: Editing, saved: Endpoint) -> Result:
    """Save a new version, unless the form equals the saved endpoint."""
    changes, visitor = changes_of(editing.form, saved), editing.visitor
    path = f"/console/endpoints/{saved.id}"
    if not changes:
        return redirect(path, flash="Nothing was changed: this is what is saved.")
    after = wiring.endpoints().change(
        visitor.tenant,
        saved.id,
        changes,
        by=visitor.key_id,
        expected_version=version_sent(editing.request.form),
    )
    logger.info(
        "endpoint changed", tenant=after.tenant, endpoint_id=after.id, version=after.version
    )
    if "signing" in changes:
        secret = wiring.endpoints().signing_secret(visitor.tenant, saved.id)
        return secrets.shown(after, secret, why="rotated")
    return redirect(path, flash=f"Saved as version {after.version}.")


def _draft(editing: Editing) -> Draft:
    drafts, tenant = wiring.drafts(), editing.visitor.tenant
    if editing.saved is None:
        return drafts.of_unsaved(tenant, spec_of(editing.form))
    return drafts.of_saved(tenant, editing.saved.id, changes_of(editing.form, editing.saved))


def _caught_up(editing: Editing) -> Editing:
    """The form with the changes that others saved meanwhile; saving again overwrites them."""
    form, opened_at = editing.form, version_sent(editing.request.form)
    tenant = editing.visitor.tenant
    saved = wiring.endpoints().endpoint(tenant, editing.request.params["id"])
    texts = {**form.texts, "version": str(saved.version)}
    meanwhile = wiring.endpoint_history().between(tenant, saved.id, opened_at, saved.version)
    return replace(
        editing, saved=saved, form=replace(form, texts=texts), changed_meanwhile=tuple(meanwhile)
    )


# --- the page -------------------------------------------------------------------------------------


def _form(editing: Editing, *, status: int = 200) -> Page:
    form = editing.form
    values = {
        "saved": editing.saved,
        "errors": editing.errors,
        "refused": editing.refused,
        "tried": editing.tried,
        "plan": _plan(form),
    }
    if "fragment" in editing.request.form:
        return fragment("trial.html", **values)
    patterns = tuple(fields_of(form)["event_types"])
    types = wiring.catalogue().types()
    endpoint_id = editing.saved.id if editing.saved else None
    return page(
        "endpoint_form.html",
        status=status,
        form=form.shown(),
        categories=_categories(form.types, types.values()),
        unknown=[each for each in form.types if each not in types],
        more_types=max(0, len(types) - MOST_TYPES),
        entities=sorted({entity.name for each in types.values() for entity in each.entities}),
        choices=preview_and_test.choices(
            editing.visitor, patterns, editing.request.form, endpoint_id=endpoint_id
        ),
        changed_meanwhile=editing.changed_meanwhile,
        opened=editing.opened,
        require_test=wiring.settings().require_test,
        **values,
    )


def _plan(form: EndpointForm) -> RetryPlan | None:
    try:
        return retry_plan.plan(_RETRY.validate_python(fields_of(form)["retry"]))
    except ValidationError:
        return None


def _categories(chosen: tuple[str, ...], types: Iterable[EventType]) -> dict[str, list[EventType]]:
    """Event types by category; if there are too many, the chosen ones come first."""
    ordered = sorted(types, key=lambda each: each.name not in chosen)[:MOST_TYPES]
    named = sorted(ordered, key=lambda each: (each.category, each.name))
    return {
        category: [each for each in named if each.category == category]
        for category in dict.fromkeys(each.category for each in named)
    }
