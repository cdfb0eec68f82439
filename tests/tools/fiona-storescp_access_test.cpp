// SPDX-License-Identifier: MIT
#include "libfiona/base/json.h"
#include "tests/support/raw_association.h"
#include "tests/support/receiver_site.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <string>

using namespace fiona;
using receiver::eventually;
using receiver::Site;
namespace fs = std::filesystem;

TEST_CASE("fiona-storescp: addresses outside the list are turned away, those inside are not")
{
    const auto* const range = GENERATE("127.0.0.2", "127.0.1.0/24", "::1");
    Site site{{{"allowed_addresses", json::Array{json::Value{range}}}}};
    site.start();

    CHECK(raw::Association{site.port}.rejection() == "1/1/1");
    CHECK(eventually([&] {
        return site.status().find("refused_associations")->find("address")->integer() == 1;
    }));
    site.m_config["RECEIVER"].object()["allowed_addresses"] =
        json::Array{json::Value{range}, json::Value{"127.0.0.0/24"}};
    site.save();
    ::kill(site.pid(), SIGHUP);
    CHECK(eventually([&] { return raw::Association{site.port}.echo() == 0x0000; }));

    site.m_config["RECEIVER"].object()["allowed_addresses"] =
        json::Array{json::Value{"127.0.0.0/99"}};
    site.save();
    ::kill(site.pid(), SIGHUP);
    CHECK(eventually([&] { return site.log().find("configuration_kept") != std::string::npos; }));
    CHECK(raw::Association{site.port}.echo() == 0x0000);
    CHECK(site.tool({"--port", "0", "restart"}).exit_code == EX_CONFIG);
    CHECK(raw::Association{site.port}.echo() == 0x0000); // the old one still runs
}

TEST_CASE("fiona-storescp: counters survive the death of an association")
{
    Site site;
    site.start();
    const raw::Association association{site.port};
    REQUIRE(association.store(raw::Ids{}) == 0x0000);
    REQUIRE(association.store(raw::Ids{}) == 0x0000);
    json::Value status;
    REQUIRE(eventually([&] {
        status = site.status();
        const auto& all = status.find("associations")->array();
        return !all.empty() && status.find("objects")->integer() == 2;
    }));
    ::kill(static_cast<pid_t>(status.find("associations")->array()[0].find("pid")->integer()),
           SIGKILL);

    CHECK(eventually([&] { return site.status().find("associations")->array().empty(); }));
    status = site.status();
    CHECK(status.find("objects")->integer() == 2);
    CHECK(status.find("duplicates")->integer() == 1);
}

TEST_CASE("fiona-storescp: refused objects are dropped when nobody wants them")
{
    Site site;
    REQUIRE(site.tool({"--port", "0", "--drop-rejected", "start"}).exit_code == EX_OK);
    site.port = static_cast<std::uint16_t>(site.status().find("port")->integer());
    const raw::Association association{site.port};

    CHECK(association.store(raw::Ids{}, "<html>") == 0xc001);

    CHECK(site.files(".rejected").empty());
    CHECK(site.status().find("running")->boolean());
}

TEST_CASE("fiona-storescp: a project has an archive, a port and a life of its own")
{
    Site site;
    const auto data = site.root / "project";
    // A port that is free now: a project must name one.
    std::uint16_t port = 0;
    {
        Site other;
        other.start();
        port = other.port;
    }
    site.m_config["SITES"] =
        json::Object{{"TRIAL", json::Object{{"DATADIR", "/project"}, {"DICOMPORT", port}}},
                     {"MUTE", json::Object{{"DATADIR", "/mute"}}}};
    site.save();
    site.start();

    REQUIRE(site.tool({"--project", "TRIAL", "start"}).exit_code == EX_OK);
    CHECK(raw::Association{port}.store(raw::Ids{}) == 0x0000);
    CHECK(fs::exists(data / "site/archive" / ("scp_" + raw::Ids{}.study)));
    CHECK(fs::is_empty(site.site("archive")));
    CHECK(site.tool({"--project", "TRIAL", "stop"}).exit_code == EX_OK);
    CHECK(raw::Association{site.port}.echo() == 0x0000);
    CHECK(site.tool({"--project", "MUTE", "run"}).exit_code == EX_CONFIG);
    CHECK(site.tool({"--project", "NOBODY", "start"}).exit_code == EX_CONFIG);
}
