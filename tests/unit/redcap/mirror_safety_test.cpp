// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/sqlite.h"
#include "libfiona/base/text.h"
#include "libfiona/store/atomic_file.h"
#include "tests/unit/redcap/copied_redcap.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <set>

using namespace fiona;
using namespace fiona::redcap;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using copied_redcap::all_five;
using copied_redcap::Copied;
using copied_redcap::transfer;
namespace fs = std::filesystem;

TEST_CASE_METHOD(Copied, "a read that fails is an error, never an empty or an old list")
{
    static_cast<void>(names(*open()));
    now += 1min;
    server.broken = Error{Fault::temporary, "REDCap is not ready"};

    CHECK_THROWS_AS(names(*open()), Error);

    server.broken.reset();
    CHECK(names(*open()) == all_five);
}

TEST_CASE_METHOD(Copied, "neither names nor ids of patients, nor their hashes, are in the file")
{
    server.put({"1.2.3.77",
                {},
                {},
                0,
                {{"study_patient_name", "HASHOFNAME"},
                 {"study_patient_id", "HASHOFID"},
                 {"study_accession_number", "ACCESSION7"},
                 {"study_description", "FREETEXT"},
                 {"study_date", "20240102"}}});
    const auto client = open();
    static_cast<void>(names(*client));

    std::string bytes;
    for (const auto& entry : fs::directory_iterator{directory / "state"}) {
        if (entry.is_regular_file()) {
            bytes += read_file(entry.path());
        }
    }
    CHECK_THAT(bytes, Contains("1.2.3.77") && Contains("20240102"));
    for (const auto* const secret : {"HASHOFNAME", "HASHOFID", "ACCESSION7", "FREETEXT"}) {
        CHECK_THAT(bytes, !Contains(secret));
    }
    struct stat status {};
    REQUIRE(::stat(file().c_str(), &status) == 0);
    CHECK((status.st_mode & 0777U) == 0600);
}

TEST_CASE_METHOD(Copied, "a damaged or foreign file is set aside and begun anew, with one line")
{
    std::vector<std::string> lines;
    log::set_sink([&](log::Level, const std::string& line) { lines.push_back(line); });
    const int kind = GENERATE(0, 1, 2, 3);
    if (kind == 0) {
        static_cast<void>(names(*open()));
        fs::resize_file(file(), fs::file_size(file()) / 2);
    } else {
        make_directories(file().parent_path());
        if (kind == 1) {
            store::write_file(file(), "this is no database, and longer than a header of one is "
                                      "wherever it came from, whoever wrote it");
        } else if (kind == 2) {
            Database other{file(), Database::Open::create};
            other.execute("CREATE TABLE precious (value)");
        } else {
            static_cast<void>(names(*open()));
            std::string bytes = read_file(file());
            std::fill(bytes.begin() + 4096, bytes.end(), '\x5a');
            store::write_file(file(), bytes);
        }
    }
    for (const auto* const companion : {"-wal", "-shm"}) {
        fs::remove(file().native() + companion);
    }
    now += 1min;

    CHECK(names(*open()) == all_five);
    log::set_sink({});

    CHECK(fs::exists(file().native() + ".bad"));
    CHECK(lines.size() == 1);
    CHECK_THAT(lines.at(0), Contains("state_begun_anew"));
}

TEST_CASE_METHOD(Copied, "killed at any moment it leaves a copy that says what REDCap says")
{
    for (int i = 6; i <= 700; ++i) {
        server.put(transfer(id(i), 1, fmt::format("DEMO_{}", i)));
    }
    for (int trial = 0; trial < 30; ++trial) {
        now += 1min;
        server.put(transfer(id(trial + 1), 1, fmt::format("CHANGED_{}", trial)));
        server.remove({id(600 - trial)});
        now += trial % 3 == 0 ? 25h : 12min;
        const auto child = ::fork();
        if (child == 0) {
            static_cast<void>(names(*open()));
            ::_exit(0);
        }
        ::usleep(static_cast<useconds_t>(trial * 700));
        ::kill(child, SIGKILL);
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);

        static_cast<void>(names(*open())); // the dictionary; the log in the next minute
        now += 1min;
        const auto direct = names(*std::make_unique<Shared>(server));
        const auto copied = names(*open());
        std::multiset<std::string> in_redcap;
        std::multiset<std::string> in_copy;
        for (const auto name : split(direct, ' ')) {
            in_redcap.emplace(name);
        }
        for (const auto name : split(copied, ' ')) {
            in_copy.emplace(name);
        }
        REQUIRE(in_copy == in_redcap);
    }
}
