"""The skill registry: skills by name, with their versions, tags and aliases, below an organization or without one."""

from ..contents import CHAMPION, skill_upload
from ..steps import API3, Attempt, Raw, Step, delete, get, patch, post, tries

_SKILLS = f"{API3}/skills"
_ONE = f"{_SKILLS}/{{it.skill}}"
_OF_ORGANIZATION = f"{_SKILLS}/@{{it.organization}}/{{it.skill}}"
_SPARE = f"{_SKILLS}/{{it.spare_skill}}"
_VERSION = f"{_ONE}/versions/1"
_TAG = {"key": "zqmade", "value": "zqmade"}
_SOURCE = {"source_type": "git", "source": "https://zqmade.invalid/skills.git", "ref": "main"}
_BOUNDARY, _PACKED = skill_upload("zqmade")
_UPLOAD = Raw(lambda _: _PACKED)

ATTEMPTS: list[Attempt] = [
    *tries("CreateSkill", ("a name that exists there", post(_SKILLS, {"name": "{it.skill}"})),
           ("a name and an organization that exist there", post(_SKILLS, {
               "name": "{it.skill}", "organization": "{it.organization}"})), shows="answer"),
    *tries("SearchSkills", ("all", get(_SKILLS)),
           ("filter by name", get(f"{_SKILLS}?filter_string=name%20%3D%20'{{it.skill}}'")),
           ("by identity", get(f"{_SKILLS}?include_skill_identities=@{{it.organization}}/{{it.skill}}")),
           ("a page token of its own", get(f"{_SKILLS}?max_results=1&page_token={{it.skills_page}}"))),
    *tries("BulkRegisterSkills", ("a name that exists there", post(f"{_SKILLS}/bulk-register", {
        "skills": [{"name": "{it.skill}", "digest": "ab" * 32, **_SOURCE}]})), shows="answer"),
    *tries("GetSkill", ("name", get(_ONE)), ("organization and name", get(_OF_ORGANIZATION))),
    *tries("UpdateSkill", ("name", patch(_ONE, {"description": "zqmade"})),
           ("organization and name", patch(_OF_ORGANIZATION, {"description": "zqmade"}))),
    *tries("DeleteSkill", ("name", delete(_SPARE)),
           ("a name with uploaded files", delete(_ONE)), ("organization and name", delete(_OF_ORGANIZATION))),
    *tries("SearchSkillVersions", ("name", get(f"{_ONE}/versions")),
           ("organization and name", get(f"{_OF_ORGANIZATION}/versions"))),
    *tries("CreateSkillVersion", ("a name that exists there", post(f"{_ONE}/versions", _SOURCE)),
           ("a name that exists there, with files", Step(
               "POST", f"{_ONE}/versions", _UPLOAD, (("content-type", f"multipart/form-data; boundary={_BOUNDARY}"),))),
           shows="answer"),
    *tries("CreateSkillVersion", ("a source that is another's files", post(
        f"{_SKILLS}/zqmade/versions", {"source": "mlflow-artifacts:/workspaces/{it.workspace}/{it.skill_files}"}), get(f"{_SKILLS}/zqmade/versions/1")), shows="none"),
    *tries("GetSkillVersion", ("name", get(_VERSION)),
           ("organization and name", get(f"{_OF_ORGANIZATION}/versions/1"))),
    *tries("UpdateSkillVersion", ("name", patch(_VERSION, {"status": "deprecated"})),
           ("organization and name", patch(f"{_OF_ORGANIZATION}/versions/1", {"status": "deprecated"}))),
    *tries("DeleteSkillVersion", ("name", delete(f"{_SPARE}/versions/1"))),
    *tries("SetSkillTag", ("name", post(f"{_ONE}/tags", _TAG)),
           ("organization and name", post(f"{_OF_ORGANIZATION}/tags", _TAG))),
    *tries("DeleteSkillTag", ("name", delete(f"{_ONE}/tags/{{it.mark}}tag"))),
    *tries("SetSkillVersionTag", ("name", post(f"{_VERSION}/tags", _TAG))),
    *tries("DeleteSkillVersionTag", ("name", delete(f"{_VERSION}/tags/{{it.mark}}tag"))),
    *tries("SetSkillAlias", ("name", post(f"{_ONE}/aliases", {"alias": "zqmade", "version": 1}))),
    *tries("GetSkillVersionByAlias", ("name", get(f"{_ONE}/aliases/{CHAMPION}"))),
    *tries("DeleteSkillAlias", ("name", delete(f"{_ONE}/aliases/{CHAMPION}"))),
]  # fmt: skip
