"""What clients get for what they send."""

import base64
import io
import json

import pytest
from fastapi import FastAPI

from serving import app_running, form_of, service_running
from showtell.captioning.captioner import Captioned
from showtell.captioning.output.registry import Layout, find_output_format
from showtell.serve import create_app
from showtell.serve.app import make_app
from showtell.serve.auth import Access
from showtell.serve.service import Service


def line_of(name, caption):
    """What `showtell caption --format jsonl` writes."""
    file = io.StringIO()
    with find_output_format("jsonl").open(file, Layout()) as write:
        write(Captioned(name, caption))
    return json.loads(file.getvalue())


def about(line):
    """A line with its numbers rounded: batches of other sizes differ in the last digits."""
    return json.loads(json.dumps(line), parse_float=lambda text: round(float(text), 4))


@pytest.mark.parametrize("kind", ["image/png", "application/octet-stream", "application/x-www-form-urlencoded", ""])
def test_one_picture_is_the_body_whatever_its_content_type_says(plain, tiny_captioner, drawn, kind):
    reply = plain.caption(drawn[0], headers={"Content-Type": kind} if kind else {})
    assert reply.status == 200
    assert reply.json["model"] == "tiny"
    assert about(reply.json["results"]) == [about(line_of("picture", tiny_captioner.caption(drawn[0])))]


def test_many_pictures_are_a_form_and_are_answered_in_order(plain, tiny_captioner, drawn):
    reply = plain.caption(*drawn, num_captions=3, beam=5)
    captions = tiny_captioner.caption(drawn, num_captions=3, beam=5)
    expected = [about(line_of(f"{i}.png", caption)) for i, caption in enumerate(captions)]
    assert about(reply.json["results"]) == expected
    assert [len(result["captions"]) for result in reply.json["results"]] == [3] * 10


def test_settings_are_those_of_the_command_line(plain, tiny_captioner, drawn):
    for options in ({"beam": 1}, {"must_not": ["a", "the"], "max_length": 4}, {"must": ["dog|man"], "beam": 4}):
        reply = plain.caption(drawn[1], **options)
        assert reply.json["results"][0]["caption"] == tiny_captioner.caption(drawn[1], **options).text
    drawing = {"sample": True, "temperature": 2.0, "seed": 7}
    reply = plain.caption(*drawn[:4], **drawing)
    expected = [caption.text for caption in tiny_captioner.caption(drawn[:4], **drawing)]
    assert [result["caption"] for result in reply.json["results"]] == expected  # each draws by its place


def test_a_picture_that_cannot_be_read_has_its_error_in_its_place(plain, drawn):
    reply = plain.caption(drawn[0], b"no picture", drawn[1])
    assert reply.status == 200
    results = reply.json["results"]
    assert results[1] == {"name": "1.png", "error": "not a JPEG, PNG, WebP, GIF, TIFF, BMP or AVIF picture"}
    assert all("caption" in results[i] for i in (0, 2))


def test_where_nothing_can_be_read_the_status_says_so(plain):
    assert (plain.caption(b"no picture").status, plain.caption(b"").status) == (422, 422)
    reply = plain.caption(b"no picture", b"none either")
    assert (reply.status, reply.error) == (
        422,
        "none of the 2 pictures can be read; the first: not a JPEG, PNG, WebP, GIF, TIFF, BMP or AVIF picture",
    )


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"beam": 99}, "beam: Input should be less than or equal to 20"),
        ({"beam": "wide"}, "beam: Input should be a valid integer"),
        ({"temprature": 1}, "temprature: there is no such name: did you mean temperature?; there are beam, "),
        ({"beam": 2, "num_captions": 3}, "3 captions need a beam of at least 3, or sampling"),
        ({"must": ["zebra"]}, "zebra"),
        ({"min_confidence": 0.5}, "not calibrated, so it has no confidence"),
        ({"attention": True}, "has no attention"),
    ],
)
def test_a_setting_that_cannot_be_is_told(plain, drawn, query, told):
    reply = plain.caption(drawn[0], **query)
    assert reply.status == 422
    assert told in reply.error
    assert "\n" not in reply.error


def test_attention_comes_with_each_word(looking_bundle, drawn):
    from showtell.captioning.captioner import Captioner

    captioner = Captioner(looking_bundle, threads=1)
    with service_running(captioner) as running:
        (result,) = running.caption(drawn[0], attention=True).json["results"]
        assert about(result) == about(line_of("picture", captioner.caption(drawn[0], attention=True)))
        assert running.get("/v1/model").json["attends"] is True


def test_tags_come_with_the_picture_and_guide_where_they_are_told_to(plain, dog_captioner, drawn):
    with service_running(dog_captioner) as running:
        for guide in ("auto", "always", "off"):
            (result,) = running.caption(drawn[0], guide=guide, num_captions=2).json["results"]
            expected = dog_captioner.caption(drawn[0], guide=guide, num_captions=2)
            assert about(result) == about(line_of("picture", expected))
            assert [tag["name"] for tag in result["tags"]] == ["dog", "husky"]
            assert ("guided" in result) == (guide == "always")
        assert running.get("/v1/model").json["tags"] is True
    reply = plain.caption(drawn[0], guide="always")
    assert (reply.status, "no calibrated tags" in reply.error) == (422, True)


def test_broken_forms_are_refused_in_a_line_and_not_logged(plain, drawn, caplog):
    whole, kind = form_of([("picture", "a.png", drawn[0])])
    assert plain.ask("POST", "/v1/caption", whole, {"Content-Type": kind}).status == 200
    for body, content_type, status, told in (
        (whole[:-20], kind, 400, "ends before"),
        (whole, "multipart/form-data", 400, "without a boundary"),
        (b"nothing", kind, 400, "not multipart/form-data"),
        (form_of([])[0], kind, 422, "no picture in the form"),
        (form_of([("beam", None, b"1")])[0], kind, 422, "'beam' is not a file"),
    ):
        reply = plain.ask("POST", "/v1/caption", body, {"Content-Type": content_type})
        assert (reply.status, told in reply.error) == (status, True), reply.body
    assert caplog.messages == []


def test_a_name_comes_back_as_it_was_sent(plain, drawn):
    body, kind = form_of([("picture", "Katze auf Sofa – 1.png", drawn[0])])
    (result,) = plain.ask("POST", "/v1/caption", body, {"Content-Type": kind}).json["results"]
    assert result["name"] == "Katze auf Sofa – 1.png"


def test_the_model_tells_what_it_is_and_can(plain):
    model = plain.get("/v1/model").json
    assert model["name"] == "tiny"
    assert (model["size"], model["resize"], model["attends"], model["calibrated"]) == (32, "crop", False, False)
    assert model["limits"]["pictures"] == 32
    assert model["search"]["beam"] == 3


def test_health_readiness_and_figures(plain, drawn):
    plain.caption(*drawn[:3])
    assert (plain.get("/healthz").body, plain.get("/readyz").body) == (b"ok", b"ok")
    reply = plain.get("/metrics")
    lines = dict(line.rsplit(" ", 1) for line in reply.body.decode().splitlines() if not line.startswith("#"))
    assert float(lines['showtell_pictures_total{outcome="captioned"}']) >= 3
    assert float(lines['showtell_requests_total{path="/v1/caption",status="200"}']) >= 1
    assert float(lines["showtell_pictures_waiting"]) == 0
    assert "version=0.0.4" in reply.headers["content-type"]


def test_every_answer_forbids_a_browser_what_it_does_not_need(plain, drawn):
    for reply in (plain.get("/v1/model"), plain.get("/nothing"), plain.caption(drawn[0]), plain.caption(b"")):
        assert reply.headers["content-security-policy"].startswith("default-src 'none'")
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["cache-control"] == "no-store"
    assert plain.get("/nothing").error.startswith(
        "there is no such address: there are /, /docs, /openapi.json, /v1/caption"
    )
    wrong = plain.get("/v1/caption")
    assert (wrong.status, wrong.error) == (405, "this address answers POST, not GET")


def test_a_token_is_asked_for_where_there_is_one(tiny_captioner, drawn):
    with service_running(tiny_captioner, access=Access(token="sesame")) as running:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic sesame"}):
            reply = running.caption(drawn[0], headers=headers)
            assert (reply.status, reply.headers["www-authenticate"]) == (401, "Bearer")
            assert running.get("/metrics", **headers).status == 401
        assert running.caption(drawn[0], headers={"Authorization": "Bearer sesame"}).status == 200
        assert running.get("/readyz").status == 200


def test_a_service_of_this_machine_goes_by_the_machines_names_only(tiny_captioner):
    from showtell.serve.auth import own_names

    with service_running(tiny_captioner, access=Access(hosts=own_names("127.0.0.1", ["pictures.example"]))) as running:
        for host in ("LOCALHOST", "127.0.0.1:1", "localhost", "[::1]:80", "pictures.example"):
            assert running.get("/v1/model", Host=host).status == 200, host
        reply = running.get("/v1/model", Host="rebound.example:8000")
        assert (reply.status, "--allowed-host" in reply.error) == (400, True)
    assert own_names("0.0.0.0", []) == frozenset()


def test_unknown_names_are_told_with_the_known_ones(plain, drawn):
    told = plain.caption(drawn[0], beems=3)
    assert told.status == 422
    assert told.error.startswith("beems: there is no such name: did you mean beam?; there are beam, num_captions,")
    told = plain.ask("POST", "/v1/caption", b'{"pictures": [{"bytes": "AA"}]}', {"Content-Type": "application/json"})
    assert told.status == 422


def test_json_has_pictures_in_base64(plain, tiny_captioner, drawn):
    encoded = [base64.b64encode(data).decode() for data in drawn[:2]]
    pictures = [{"name": "a.png", "data": encoded[0]}, {"data": f"data:image/png;base64,{encoded[1]}"}, {"data": "?"}]

    def send(value, **query):
        return plain.ask(
            "POST", "/v1/caption", json.dumps(value).encode(), {"Content-Type": "application/json"}, **query
        )

    results = send({"pictures": pictures}).json["results"]
    assert [one["name"] for one in results] == ["a.png", "picture 1", "picture 2"]
    assert [one.get("caption") for one in results[:2]] == [one.text for one in tiny_captioner.caption(drawn[:2])]
    assert results[2]["error"] == "not base64: encode the picture's file"
    assert send({"pictures": pictures, "urls": ["http://a.example/"]}).status == 422
    assert send({}).error == 'the body must have either "pictures" or "urls": see /docs'
    assert send({"pictures": [{"data": "AA"}] * 33}).status == 413
    assert send({"urls": ["http://a.example/"]}).status == 403


def test_so_many_tags_and_careful_captions_as_asked_for(dog_captioner, drawn):
    with service_running(dog_captioner) as running:
        assert len(running.caption(drawn[0]).json["results"][0]["tags"]) == 2
        assert len(running.caption(drawn[0], tags=1).json["results"][0]["tags"]) == 1
        assert "tags" not in running.caption(drawn[0], tags=0).json["results"][0]
        careful = running.caption(drawn[0], careful="true").json["results"][0]["caption"]
        assert careful == dog_captioner.caption(drawn[0], careful=True).text


def test_pages_of_other_hosts_are_admitted_by_name(tiny_captioner, drawn):
    mine = {"Origin": "https://mine.example", "Sec-Fetch-Site": "cross-site"}
    other = {"Origin": "https://other.example", "Sec-Fetch-Site": "cross-site"}
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    with service_running(tiny_captioner, access=Access(token="t", origins=("https://mine.example",))) as running:
        before = running.ask("OPTIONS", "/v1/caption", headers=mine | asked)
        assert (before.status, before.headers["access-control-allow-origin"]) == (200, "https://mine.example")
        assert running.ask("OPTIONS", "/v1/caption", headers=other | asked).status == 400
        reply = running.caption(drawn[0], headers=mine | {"Authorization": "Bearer t"})
        assert (reply.status, reply.headers["access-control-allow-origin"]) == (200, "https://mine.example")
        refused = running.caption(drawn[0], headers=mine)
        assert (refused.status, refused.headers["access-control-allow-origin"]) == (401, "https://mine.example")
        assert running.caption(drawn[0], headers=other | {"Authorization": "Bearer t"}).status == 403
    with service_running(tiny_captioner) as running:
        assert running.caption(drawn[0], headers=mine).status == 403
        assert "access-control-allow-origin" not in running.get("/v1/model", **mine).headers


def test_the_access_log_has_a_line_for_each_request_and_nothing_of_clients(tiny_captioner, drawn, caplog):
    service = Service(tiny_captioner)
    with caplog.at_level("INFO", "showtell.access"), app_running(make_app(service, Access(), log=True)) as running:
        running.caption(drawn[0], must_not="secret")
        running.get("/v1/secret")
        running.get("/docs")
    lines = [record.getMessage().split() for record in caplog.records if record.name == "showtell.access"]
    assert [line[:4] for line in lines] == [
        ["127.0.0.1", "POST", "/v1/caption", "200"],
        ["127.0.0.1", "GET", "other", "404"],
        ["127.0.0.1", "GET", "/docs", "200"],
    ]


def test_the_application_is_mounted_in_another_with_its_token(tiny_bundle, drawn):
    outer = FastAPI()
    inner = create_app(tiny_bundle, token="t", threads=1)
    outer.mount("/captions", inner)
    with app_running(outer) as running:
        assert running.ask("POST", "/captions/v1/caption", drawn[0]).status == 401
        assert running.ask("POST", "/captions/v1/caption", drawn[0], {"Authorization": "Bearer t"}).status == 200
        assert running.get("/captions/docs").status == 200
        assert running.get("/captions/main.js").status == 200
        assert running.get("/captions/metrics").status == 401
