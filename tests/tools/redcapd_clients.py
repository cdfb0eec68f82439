#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""redcapd_clients.py URL FILE: talk to a REDCap as Python's and PHP's client libraries do; the super
token is in FILE. Exit 1 and a trace for the first answer that such a client could not use."""
import csv
import io
import json
import sys
import xml.etree.ElementTree as tree

import requests

URL = sys.argv[1]
with open(sys.argv[2], encoding="ascii") as file:
    SUPER = file.read().strip()
PROJECT = """<?xml version="1.0" encoding="UTF-8" ?>
    <item>
    <project_title>Client test</project_title>
    <purpose>0</purpose>
    </item>"""


def call(token, expect=200, files=None, **parameters):
    """A form post as requests makes it: lists become name[0], name[1]; True becomes "True"."""
    data = {"token": token}
    for name, value in parameters.items():
        if isinstance(value, list):
            data.update({f"{name}[{i}]": item for i, item in enumerate(value)})
        else:
            data[name] = value
    answer = session.post(URL, data=data, files=files, timeout=30)
    assert answer.status_code == expect, (parameters, answer.status_code, answer.text[:200])
    return answer


session = requests.Session()
token = call(SUPER, content="project", format="xml", data=PROJECT).text[-32:]

dictionary = [
    {"field_name": "record_id", "form_name": "base", "field_type": "text", "field_label": "Id"},
    {"field_name": "name", "form_name": "base", "field_type": "text", "field_label": "Name",
     "identifier": "y", "required_field": "y", "field_note": "as written"},
    {"field_name": "size", "form_name": "base", "field_type": "text", "field_label": "Size",
     "text_validation_type_or_show_slider_number": "number"},
    {"field_name": "kind", "form_name": "base", "field_type": "checkbox", "field_label": "Kind",
     "select_choices_or_calculations": "1, One | 2, Two"},
    {"field_name": "scan", "form_name": "base", "field_type": "file", "field_label": "Scan"},
    {"field_name": "visit", "form_name": "visits", "field_type": "text", "field_label": "Visit"},
]
assert call(token, content="metadata", format="json", returnFormat="json",
            data=json.dumps(dictionary)).json() == len(dictionary)
metadata = call(token, content="metadata", format="json").json()
assert len(metadata[0]) == 18 and metadata[1]["identifier"] == "y"
text = call(token, content="metadata", format="csv").text
assert call(token, content="metadata", format="csv", returnFormat="json", data=text).json() == 6
info = call(token, content="project", format="json").json()
assert info["is_longitudinal"] == 0 and info["purpose"] == 0
assert tuple(map(int, call(token, content="version").text.split("."))) >= (12, 0, 1)

# what repeats, taken back in every format it is given in
rule = [{"form_name": "visits", "custom_form_label": ""}]
assert call(token, content="repeatingFormsEvents", format="json", data=json.dumps(rule)).json() == 1
for form in ("xml", "json", "csv"):
    sent = call(token, content="repeatingFormsEvents", format=form).text
    assert call(token, content="repeatingFormsEvents", format=form, returnFormat="json",
                data=sent).json() == 1

# records: import, every format back, types and arrays in all spellings
rows = [{"record_id": i, "name": f"n {i}, \"x\" æøå", "size": 1.5, "kind___2": 1} for i in (4, 5, 6)]
common = {"content": "record", "type": "flat", "overwriteBehavior": "normal",
          "forceAutoNumber": False, "dateFormat": "YMD", "returnFormat": "json"}
assert call(token, format="json", data=json.dumps(rows), returnContent="count",
            **common).json() == {"count": 3}
assert call(token, format="json", data=json.dumps(rows), returnContent="ids", **common).json() == \
    ["4", "5", "6"]
assert call(token, format="json", data=json.dumps(rows), returnContent="nothing",
            **common).json() == [{}]
call(token, format="json", data=json.dumps([
    {"record_id": 4, "redcap_repeat_instrument": "visits", "redcap_repeat_instance": 1, "visit": "a"},
]), **common)
flags = {"exportSurveyFields": True, "exportDataAccessGroups": True, "exportCheckboxLabel": False,
         "rawOrLabel": "raw", "eventName": "label", "rawOrLabelHeaders": "raw", "type": "flat"}
back = call(token, content="record", format="json", **flags).json()
assert [r["record_id"] for r in back] == ["4", "4", "5", "6"]
assert back[1]["redcap_repeat_instance"] == 1 and back[1]["visit"] == "a"
table = list(csv.DictReader(io.StringIO(call(token, content="record", format="csv", **flags).text)))
assert table[2]["name"] == 'n 5, "x" æøå' and table[2]["kind___2"] == "1"
root = tree.fromstring(call(token, content="record", format="xml", **flags).content)
assert [item.findtext("name") for item in root.findall("item")] == [r["name"] for r in back]
for form in ("csv", "xml", "json"):
    whole = call(token, content="record", format=form, **flags).text
    assert call(token, content="record", format=form, type="flat", returnFormat="json",
                data=whole).json() == {"count": 3}
assert call(token, content="record", format="json", **flags).json() == back
php = {"token": token, "content": "record", "format": "json"}
spellings = [
    list(php.items()) + [("fields[0]", "record_id"), ("fields[1]", "size")],
    list(php.items()) + [("fields[]", "record_id"), ("fields[]", "size")],
    list(php.items()) + [("fields", "record_id,size")],
    list(php.items()) + [("fields[a]", "record_id"), ("fields[b]", "size")],
]
assert all(len(session.post(URL, data=s, timeout=30).json()[0]) == 4 for s in spellings)
eav = call(token, content="record", format="json", type="eav", fields=["record_id", "kind"]).json()
assert {"record": "5", "redcap_repeat_instrument": "", "redcap_repeat_instance": "",
        "field_name": "kind", "value": "2"} in eav
names = call(token, content="exportFieldNames", format="json").json()
assert [n["export_field_name"] for n in names if n["original_field_name"] == "kind"] == \
    ["kind___1", "kind___2"]

# files: multipart up, bytes and name down
place = {"content": "file", "record": "4", "field": "scan", "returnFormat": "json"}
scan = bytes(range(256)) * 300
call(token, action="import", files={"file": ("scan 1.txt", scan)}, **place)
answer = call(token, action="export", **place)
parts = dict(p.strip().split("=") for p in answer.headers["content-type"].split(";") if "=" in p)
assert answer.content == scan and parts["name"].strip('"') == "scan 1.txt"
call(token, action="delete", **place)
call(token, action="export", expect=400, **place)

# users: the exported row is taken back
users = call(token, content="user", format="json").json()
assert len(users) == 1 and users[0]["api_export"] == 1
users[0]["record_delete"] = 1
assert call(token, content="user", format="json", data=json.dumps(users)).json() == 1
assert call(token, content="user", format="json", data='[{"username": "x@example.org"}]').json() == 1
assert call(token, content="user", action="delete", format="json", users=["x@example.org"]).json() == 1

# errors as clients look for them
wrong = call("0" * 32, expect=403, content="record", format="json").json()
assert wrong == {"error": "You do not have permissions to use the API"}
refused = call(token, expect=400, content="event", format="json")
assert "error" in refused.json() and "json" in refused.headers["content-type"]
logs = call(token, content="log", format="json", logtype="manage").json()
assert "manage/design" in logs.pop()["action"].lower()
assert call(token, content="record", action="delete", returnFormat="json",
            records=[4, 5, 6]).json() == 3
assert call(token, content="record", format="json").json() == []
assert call(token, content="generateNextRecordName").text == "1"
print("all answers are good")
