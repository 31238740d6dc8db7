"""The simulated WeCom: customer groups, tasks that owners confirm, quotas, records."""

import pytest

DAY = 86_400


@pytest.fixture
def groups(company):
    return [company.group(name=f"客户群{number}")["chat_id"] for number in (1, 2, 3)]


def statuses(company, msgid):
    return [item["status"] for item in company.results(msgid)["send_list"]]


def test_nothing_is_sent_before_the_owner_confirms(company, groups):
    made = company.add_task()
    assert (made["errcode"], made["fail_list"]) == (0, [])
    assert statuses(company, made["msgid"]) == [0, 0, 0]
    assert company.arrived(groups[0]) == []
    assert company.confirm(made["msgid"]).json["groups_sent"] == 3
    assert statuses(company, made["msgid"]) == [1, 1, 1]
    [message] = company.arrived(groups[0])
    assert message["content"] == {"text": {"content": "开团了"}}
    assert (message["came_by"], message["msgid"]) == ("task", made["msgid"])


def test_confirming_twice_sends_once(company, groups):
    msgid = company.add_task()["msgid"]
    company.confirm(msgid)
    assert company.confirm(msgid).json["groups_sent"] == 3
    assert len(company.arrived(groups[0])) == 1


def test_only_the_owner_confirms(company, groups):
    msgid = company.add_task()["msgid"]
    assert company.confirm(msgid, owner="li").status_code == 400
    assert company.confirm("msg-unknown").status_code == 400
    assert company.arrived(groups[0]) == []


def test_groups_of_others_and_internal_ones_are_not_reached(company, groups):
    internal = company.group(robot=True)["chat_id"]
    others = company.group(owner="li")["chat_id"]
    wanted = [groups[1], internal, others, "wr-unknown", groups[1]]
    made = company.add_task(chat_id_list=wanted)
    assert made["fail_list"] == [internal, others, "wr-unknown"]
    assert len(company.results(made["msgid"])["send_list"]) == 1
    assert company.add_task(chat_id_list=[internal, others])["errcode"] == 41048
    assert company.add_task(sender="nobody")["errcode"] == 40003


def test_a_group_that_changed_hands_does_not_get_it(company, groups):
    msgid = company.add_task(chat_id_list=groups[:2])["msgid"]
    company.group(chat_id=groups[0], owner="li")
    company.confirm(msgid)
    assert statuses(company, msgid) == [2, 1]
    assert company.arrived(groups[0]) == []


@pytest.mark.parametrize(("quota", "most"), [("day", 1), ("week", 7)])
def test_a_group_receives_as_many_as_its_quota(company, client, groups, quota, most):
    client.post("/sandbox/settings", json={"wecom_group_quota": quota})
    told = []
    for _ in range(most + 1):
        msgid = company.add_task(chat_id_list=groups[:1])["msgid"]
        company.confirm(msgid)
        told += statuses(company, msgid)
    assert told == [1] * most + [3]
    assert len(company.arrived(groups[0])) == most
    company.later(7 * DAY)
    fresh = company.add_task(chat_id_list=groups[:1])["msgid"]
    company.confirm(fresh)
    assert statuses(company, fresh) == [1]


def mini_program(company, **changes):
    part = {
        "title": "今晚八点开团",
        "pic_media_id": company.upload()["media_id"],
        "appid": company.app_id,
        "page": "pages/group?id=1",
    } | changes
    return [{"msgtype": "miniprogram", "miniprogram": part}]


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"chat_type": None}, 40058),
        ({"chat_type": "single"}, 40058),
        ({"sender": None}, 40058),
        ({"text": None}, 40063),
        ({"text": {"content": "团" * 1333 + "a"}}, 0),
        ({"text": {"content": "团" * 1333 + "ab"}}, 40058),
        ({"chat_id_list": ["wr"] * 2001}, 40058),
        ({"attachments": [{"msgtype": "poem"}]}, 40008),
        ({"attachments": [{"msgtype": "link", "link": {"title": "a"}}]}, 40058),
        ({"surprise": 1}, 40058),
    ],
)
def test_a_task_is_checked_field_by_field(company, groups, changes, errcode):
    assert company.add_task(**changes)["errcode"] == errcode


def test_a_mini_program_needs_its_picture_and_a_short_title(company, groups):
    def told(**changes):
        return company.add_task(text=None, attachments=mini_program(company, **changes))["errcode"]

    assert told() == 0
    assert told(title="团" * 22) == 40058
    assert told(appid="wx0") == 90206
    assert told(pic_media_id="gone") == 40007
    nine = mini_program(company) * 9
    assert company.add_task(attachments=nine)["errcode"] == 0
    assert company.add_task(attachments=nine + nine[:1])["errcode"] == 40058
    old = mini_program(company)
    company.later(3 * DAY + 1)
    assert company.add_task(attachments=old)["errcode"] == 40007


def test_an_upload_is_a_picture_in_a_form(company):
    assert company.upload()["type"] == "image"
    assert company.upload(b"GIF89a...")["errcode"] == 40005
    assert company.upload(b"")["errcode"] == 40009
    assert company.upload(field="file")["errcode"] == 44001
    assert company.upload(kind="video")["errcode"] == 40004


def test_an_owner_is_reminded_three_times_a_day(company, client, groups):
    client.post("/sandbox/settings", json={"rate_limits": True})
    body = {"msgid": company.add_task()["msgid"]}
    told = [company.contact("remind_groupmsg_send", body)["errcode"] for _ in range(4)]
    assert told == [0, 0, 0, 45009]
    company.later(DAY + 1)
    assert company.contact("remind_groupmsg_send", body)["errcode"] == 0
    assert company.contact("remind_groupmsg_send", {})["errcode"] == 41046
    assert company.contact("remind_groupmsg_send", {"msgid": "msg-unknown"})["errcode"] == 41047


def test_a_stopped_task_cannot_be_sent_and_what_was_sent_stays(company, client, groups):
    first, second = company.add_task()["msgid"], company.add_task()["msgid"]
    client.post("/sandbox/wecom/confirm", json={"msgid": first})
    arrived = client.get("/sandbox/wecom/messages").json["items"]
    for msgid in (first, second):
        assert company.contact("cancel_groupmsg_send", {"msgid": msgid})["errcode"] == 0
        assert client.post("/sandbox/wecom/confirm", json={"msgid": msgid}).status_code == 400
        assert company.contact("cancel_groupmsg_send", {"msgid": msgid})["errcode"] == 41047
        assert company.contact("remind_groupmsg_send", {"msgid": msgid})["errcode"] == 41047
    assert client.get("/sandbox/wecom/messages").json["items"] == arrived
    states = {one["status"] for one in company.results(second)["send_list"]}
    assert states == {0}
    assert company.contact("cancel_groupmsg_send", {})["errcode"] == 41046
    assert company.contact("cancel_groupmsg_send", {"msgid": "unknown"})["errcode"] == 41047


def test_results_come_in_pages(company, groups):
    msgid = company.add_task()["msgid"]
    first = company.results(msgid, limit=2)
    second = company.results(msgid, limit=2, cursor=first["next_cursor"])
    told = first["send_list"] + second["send_list"]
    assert [item["chat_id"] for item in told] == groups
    assert "next_cursor" not in second
    assert company.results(msgid, cursor="made up")["errcode"] == 40058
    assert company.results(msgid, limit=1001)["errcode"] == 40058
    assert company.results(msgid, userid="li")["errcode"] == 40003


def test_the_records_tell_what_the_company_made(company, groups):
    msgid = company.add_task()["msgid"]
    [task] = company.contact("get_groupmsg_task", {"msgid": msgid})["task_list"]
    assert task == {"userid": "zhang", "status": 0}
    company.confirm(msgid)
    [task] = company.contact("get_groupmsg_task", {"msgid": msgid})["task_list"]
    assert (task["status"], task["send_time"] > 0) == (2, True)
    window = {"chat_type": "group", "start_time": 100, "end_time": 200}
    assert company.contact("get_groupmsg_list_v2", window)["group_msg_list"] == []
    window |= {"start_time": task["send_time"] - 60, "end_time": task["send_time"] + 60}
    [seen] = company.contact("get_groupmsg_list_v2", window)["group_msg_list"]
    assert (seen["msgid"], seen["text"]) == (msgid, {"content": "开团了"})
    assert "creator" not in seen
    window["end_time"] += 32 * DAY
    assert company.contact("get_groupmsg_list_v2", window)["errcode"] == 40058


def test_customer_groups_are_listed_and_shown(company, groups):
    internal = company.group(robot=True)
    other = company.group(owner="li", opengid="tOpen")
    body = {"owner_filter": {"userid_list": ["zhang"]}, "limit": 2}
    first = company.contact("groupchat/list", body)
    second = company.contact("groupchat/list", body | {"cursor": first["next_cursor"]})
    told = first["group_chat_list"] + second["group_chat_list"]
    assert [item["chat_id"] for item in told] == groups
    assert company.contact("groupchat/list", {})["errcode"] == 40058
    shown = company.contact("groupchat/get", {"chat_id": other["chat_id"], "need_name": 1})
    assert (shown["group_chat"]["owner"], shown["group_chat"]["name"]) == ("li", "团购一群")
    assert company.contact("groupchat/get", {"chat_id": "wr-unknown"})["errcode"] == 86003
    told = company.contact("groupchat/get", {"chat_id": internal["chat_id"]})
    assert told["errcode"] == 90501
    chat = company.contact("opengid_to_chatid", {"opengid": "tOpen"})
    assert chat["chat_id"] == other["chat_id"]
    assert company.contact("opengid_to_chatid", {"opengid": "tNone"})["errcode"] == 40058


def test_the_books_hold_tasks_and_messages(company, client, groups):
    msgid = company.add_task()["msgid"]
    company.confirm(msgid)
    books = client.get("/sandbox/books").json["wecom"]
    [task] = books["tasks"]
    assert (task["msgid"], task["groups"], task["groups_sent"]) == (msgid, 3, 3)
    assert [message["chat_id"] for message in books["messages"]] == groups
    assert client.get("/sandbox/wecom/tasks?sender=zhang").json["items"][0]["msgid"] == msgid


def test_a_lost_answer_leaves_a_task_that_the_records_show(company, client, groups, set_fault):
    set_fault("wecom.task", "timeout_after_acting", delay_seconds=0, match="zhang")
    url = "/wecom/cgi-bin/externalcontact/add_msg_template"
    query = {"access_token": company.token()["access_token"]}
    body = {"chat_type": "group", "sender": "zhang", "text": {"content": "开团了"}}
    assert client.post(url, query_string=query, json=body).status_code == 504
    assert len(client.get("/sandbox/wecom/tasks").json["items"]) == 1


def test_control_orders_that_make_no_sense_are_refused(company, client):
    assert client.post("/sandbox/wecom/groups", json={"name": "群"}).status_code == 400
    order = {"name": "群", "owner": "zhang", "robot": 7}
    assert client.post("/sandbox/wecom/groups", json=order).status_code == 400
    company.group(robot="the-key")
    order["robot"] = "the-key"
    assert client.post("/sandbox/wecom/groups", json=order).status_code == 400
