// SPDX-License-Identifier: MIT
#include "libfiona/base/json.h"
#include "libfiona/store/spool.h"
#include "tests/support/raw_association.h"
#include "tests/support/receiver_site.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <random>
#include <set>
#include <thread>

using namespace fiona;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

using receiver::eventually;
using receiver::numbered;
using receiver::Site;
using receiver::stored_data_set;

TEST_CASE("fiona-storescp: killed at any moment, what was acknowledged is there")
{
    std::mt19937 random{20260301}; // NOLINT(cert-msc51-cpp) repeatable on purpose
    Site site;
    std::vector<std::pair<raw::Ids, std::string>> acknowledged;
    for (unsigned round = 0; round < 6; ++round) {
        site.start();
        const raw::Association association{site.port};
        const auto objects = 3 + random() % 12;
        const auto victim = round % 2 == 0 ? site.pid() : static_cast<pid_t>([&] {
            json::Value status;
            eventually([&] {
                status = site.status();
                return !status.find("associations")->array().empty();
            });
            return status.find("associations")->array()[0].find("pid")->integer();
        }());
        std::thread killer;
        for (unsigned i = 0; i < 200; ++i) {
            if (i == objects) {
                const std::chrono::microseconds moment{random() % 3000};
                killer = std::thread{[=] {
                    std::this_thread::sleep_for(moment);
                    ::kill(victim, SIGKILL);
                }};
            }
            raw::Ids ids;
            ids.sop = numbered(1000 * round + i);
            auto data = raw::data_set(ids, 20'000);
            if (association.store(ids, data) != 0x0000) {
                break;
            }
            acknowledged.emplace_back(ids, std::move(data));
        }
        killer.join();
        REQUIRE(eventually([&] { return round % 2 != 0 || site.pid() == 0; }));
    }
    site.tool({"restart"});

    REQUIRE(acknowledged.size() > 20);
    std::set<std::string> announced;
    const store::Spool spool{site.site(".spool")};
    for (const auto& name : spool.waiting()) {
        announced.insert(spool.read(name).sop.str());
    }
    for (const auto& [ids, data] : acknowledged) {
        REQUIRE(fs::exists(site.archived(ids)));
        CHECK(stored_data_set(site.archived(ids)) == data);
        CHECK(announced.count(ids.sop) == 1);
    }
}

TEST_CASE("fiona-storescp: stop lets an object finish, answers it, and ends")
{
    Site site;
    site.start();
    const raw::Ids ids;
    const auto data = raw::data_set(ids, 150'000);
    const raw::Association busy{site.port};
    const raw::Association idle{site.port};
    busy.connection.send(raw::pdv(1, 3, raw::store_command(ids.sop_class, ids.sop)));
    busy.connection.send(raw::pdv(1, 0, data.substr(0, 50'000)));
    REQUIRE(eventually([&] { return !fs::is_empty(site.site(".incoming")); }));

    ::kill(site.pid(), SIGTERM);
    REQUIRE(idle.connection.read().type == 7);
    busy.send_data(data.substr(50'000));

    CHECK(busy.status() == 0x0000);
    CHECK(busy.connection.read().type == 7);
    CHECK(eventually([&] { return site.pid() == 0; }));
    CHECK(stored_data_set(site.archived(ids)) == data);
    CHECK(site.tool({"stop"}).exit_code == EX_OK); // nothing to stop is no error
}

TEST_CASE("fiona-storescp: a status file that a power loss has emptied hides no running receiver")
{
    Site site;
    CHECK(site.status().find("associations")->array().empty());
    site.start();
    std::ofstream{site.site(".status") / "storescp.json", std::ios::trunc};

    const auto status = site.status();

    CHECK(status.find("running")->boolean());
    CHECK(status.find("associations")->array().empty());
    CHECK(site.tool({"start"}).exit_code == EX_OK);
}

TEST_CASE("fiona-storescp: one receiver serves a site, and one a port")
{
    Site site;
    site.start();
    const auto pid = site.pid();

    const auto again = site.tool({"start"});
    CHECK(again.exit_code == EX_OK);
    CHECK_THAT(again.out, Contains("already"));
    CHECK(site.tool({"--port", "0", "run"}).exit_code == EX_TEMPFAIL);
    CHECK(site.pid() == pid);

    Site other;
    const auto same_port = other.tool({"--port", std::to_string(site.port), "start"});
    CHECK(same_port.exit_code == EX_TEMPFAIL);
    CHECK_THAT(same_port.err, Contains("in use"));
    CHECK(raw::Association{site.port}.echo() == 0x0000);
}

TEST_CASE("fiona-storescp: the control file and the configuration are obeyed while it runs")
{
    Site site;
    fs::create_directories(site.root / "data/config");
    std::ofstream{site.root / "data/config/enabled"} << "011";
    const auto run = site.tool({"--port", "0", "start"});
    CHECK(run.exit_code == EX_OK);
    CHECK_THAT(run.out, Contains("switched off"));
    CHECK(site.pid() == 0);
    fs::remove(site.root / "data/config/enabled");
    site.start();
    std::ofstream{site.root / "data/config/enabled"} << "011";
    CHECK(raw::Association{site.port}.rejection() == "2/1/1");
    fs::remove(site.root / "data/config/enabled");
    fs::create_directory(site.root / "data/config/enabled"); // no control file: reading it fails
    CHECK(raw::Association{site.port}.rejection() == "2/1/1");
    fs::remove(site.root / "data/config/enabled");
    CHECK(raw::Association{site.port}.echo() == 0x0000);
    fs::create_directory(site.root / "data/config/enabled");
    CHECK(raw::Association{site.port}.echo() == 0x0000);
    CHECK_THAT(site.log(), Contains("event=control_file_unreadable"));
    fs::remove(site.root / "data/config/enabled");

    std::ofstream{site.root / "config.json"} << "{ no JSON";
    ::kill(site.pid(), SIGHUP);
    CHECK(eventually([&] { return site.log().find("configuration_kept") != std::string::npos; }));
    CHECK(raw::Association{site.port}.echo() == 0x0000);
    site.m_config["RECEIVER"].object()["allowed_callers"] = json::Array{json::Value{"OTHER"}};
    site.save();
    ::kill(site.pid(), SIGHUP);
    CHECK(eventually([&] { return raw::Association{site.port}.rejection() == "1/1/3"; }));
}
