// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/pacs/research_pacs.h"

#include <catch2/catch.hpp>

using namespace fiona; // NOLINT(google-build-using-namespace) a test speaks the library's language

TEST_CASE("research PACS: with TLS it is asked over TLS, too")
{
    Config config;
    config.research_pacs = {.host = "192.0.2.1",
                            .port = 104,
                            .aet = "STORE",
                            .qr_port = 105,
                            .qr_aet = "QUERY",
                            .calling_aet = "FIONA",
                            .tls = TlsClientConfig{}};

    const auto store = pacs::research_pacs(config);
    const auto query = pacs::research_query(config);

    CHECK(store.port == 104);
    CHECK(store.called_aet == "STORE");
    CHECK(store.tls.has_value());
    CHECK(query.port == 105);
    CHECK(query.called_aet == "QUERY");
    CHECK(query.tls.has_value());
}

TEST_CASE("research PACS: one without a host is an error of the configuration")
{
    const Config config;

    CHECK_THROWS_AS(pacs::research_pacs(config), Error);
    CHECK_THROWS_AS(pacs::research_query(config), Error);
}
