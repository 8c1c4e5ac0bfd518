"""What sslscan finds is what the policy says, by frontend and by name. (scripts/scan has testssl.sh,
which takes minutes.)"""

import shutil

import pytest

import proxy as proxy_module
import scans

pytestmark = pytest.mark.skipif(shutil.which("sslscan") is None, reason="sslscan is not installed")


@pytest.mark.parametrize("policy, other", [("intermediate", "modern"), ("modern", "intermediate")])
def test_sslscan_finds_what_the_policies_of_a_frontend_and_of_a_name_say(start, driver, certs,
                                                                       directory, policy, other):
    text = scans.configuration(certs, **{
        "tls-policy": policy,
        "routes": [{"sni": "other.example", "backend": "page", "tls-policy": other}]})
    port = start(proxy_module.setting("io", driver) + text).wait_until_ready().port()
    for name, expected in (("localhost", policy), ("other.example", other)):
        claims = scans.sslscan(port, expected, directory, name)
        assert not any(claims.values()), (name, claims)
