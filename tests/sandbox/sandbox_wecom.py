"""A company at the simulated WeCom: its server, its robots and the owner of its groups."""

import io

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


class Company:
    """Calls as the documents say, without any client library."""

    def __init__(self, client, credentials):
        self.client = client
        self.names = credentials["wecom"]
        self.app_id = credentials["wechat"]["app_id"]

    def token(self, **changes):
        query = {
            "corpid": self.names["corp_id"],
            "corpsecret": self.names["corp_secret"],
        } | changes
        query = {name: value for name, value in query.items() if value is not None}
        return self.client.get("/wecom/cgi-bin/gettoken", query_string=query).json

    def post(self, path, body, token=None):
        token = token or self.token()["access_token"]
        url = f"/wecom/cgi-bin{path}?access_token={token}"
        answer = self.client.post(url, json=body)
        assert answer.status_code == 200
        return answer.json

    def contact(self, name, body):
        return self.post(f"/externalcontact/{name}", body)

    def say(self, key, body):
        answer = self.client.post(f"/wecom/cgi-bin/webhook/send?key={key}", json=body)
        assert answer.status_code == 200
        return answer.json

    def upload(self, content=PNG, kind="image", field="media"):
        url = "/wecom/cgi-bin/media/upload"
        query = {"access_token": self.token()["access_token"], "type": kind}
        data = {field: (io.BytesIO(content), "cover.png")}
        return self.client.post(url, query_string=query, data=data).json

    def group(self, **more):
        order = {"name": "团购一群", "owner": "zhang"} | more
        answer = self.client.post("/sandbox/wecom/groups", json=order)
        assert answer.status_code == 200, answer.text
        return answer.json

    def add_task(self, **more):
        body = {"chat_type": "group", "sender": "zhang", "text": {"content": "开团了"}} | more
        body = {name: value for name, value in body.items() if value is not None}
        return self.contact("add_msg_template", body)

    def confirm(self, msgid, **more):
        return self.client.post("/sandbox/wecom/confirm", json={"msgid": msgid} | more)

    def results(self, msgid, **more):
        body = {"msgid": msgid, "userid": "zhang"} | more
        return self.contact("get_groupmsg_send_result", body)

    def arrived(self, chat_id):
        url = f"/sandbox/wecom/messages?chat_id={chat_id}"
        return self.client.get(url).json["items"]

    def later(self, seconds):
        self.client.post("/sandbox/clock", json={"offset_seconds": seconds})
