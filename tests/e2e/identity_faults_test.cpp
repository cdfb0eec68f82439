// SPDX-License-Identifier: MIT
// Strangers' text in every place that has a name: no path outside changes, and no log line's form.
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"
#include "tests/e2e/fault_bench.h"
#include "tests/e2e/fault_table.h"
#include "tests/support/hostile_file.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <fstream>

namespace fs = std::filesystem;
using namespace fiona;
using hostile::DataSet;

namespace {

const std::vector<std::string> no_lines;

/// Everything below a directory with its kind, size, inode and time of change.
std::set<std::string> snapshot(const fs::path& directory)
{
    std::set<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator{directory}) {
        struct stat status {};
        ::lstat(entry.path().c_str(), &status);
        found.insert(fmt::format("{} {:o} {} {} {}.{}", entry.path().native(), status.st_mode,
                                 status.st_size, status.st_ino, status.st_mtim.tv_sec,
                                 status.st_mtim.tv_nsec));
    }
    return found;
}

/// Names with bytes that no file of ours may have.
std::vector<std::string> strange_names(const fs::path& directory)
{
    std::vector<std::string> strange;
    for (const auto& entry : fs::recursive_directory_iterator{directory}) {
        const auto name = entry.path().filename().native();
        const bool has_control =
            std::ranges::any_of(name, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; });
        if (has_control || name == "evil" || name == "pwned" || name.size() > 255) {
            strange.push_back(name);
        }
    }
    return strange;
}

/// Texts that want to be a path, a line, a command or too long.
const std::vector<std::pair<std::string, std::string>> texts{
    {"a slash", "a/b"},
    {"an absolute path", "/tmp/evil"},
    {"dots", ".."},
    {"a way out", "../../../../../../../../evil"},
    {"a hidden name", ".evil"},
    {"a NUL", std::string{"a\0b", 3}},
    {"a line end", "x\n2026-01-01T00:00:00.000Z error event=forged a=b"},
    {"quotes and equals", R"(x" event=forged y="z\)"},
    {"300 bytes", std::string(300, 'n')},
    {"a command", "$(touch pwned)"},
    {"another command", "`touch pwned`;touch pwned|touch pwned&"},
    {"an escape sequence", "\x1b]0;pwned\x07\x1b[2J"},
    {"a Unicode line end", "x\xe2\x80\xa8y\xc2\x85z"},
    {"a percent", "%2e%2e%2f%00"},
    {"an option", "--config=/tmp/evil"},
    {"braces", "{} {0} %s %n"},
    {"a star", "*"},
};

} // namespace

TEST_CASE("must show: no text of a stranger changes a path outside or the form of a log line")
{
    const TempDir outside;
    fs::create_directories(outside / "around");
    std::ofstream{outside / "around/file"} << "untouched";
    Bench bench{{}, outside / "around/site/data"};
    fs::create_directory(bench.root() / "neighbour");
    std::ofstream{bench.root() / "neighbour/file"} << "untouched";
    const auto look_outside = [&] {
        auto found = snapshot(outside.path);
        found.merge(snapshot(bench.root() / "neighbour"));
        std::erase_if(found, [&](const std::string& line) {
            return line.starts_with((outside / "around/site/data/site").native());
        });
        return found;
    };
    static_cast<void>(bench.others()); // all directories are there now
    const auto before = look_outside();
    const auto in_tmp = [] {
        return fs::exists("/tmp/evil") || fs::exists("/tmp/pwned") || fs::exists("/evil")
               || fs::exists("evil") || fs::exists("pwned");
    };
    REQUIRE_FALSE(in_tmp());
    const auto judged = [&](const std::string& words) {
        std::string seen = words;
        seen += look_outside() == before && !in_tmp() ? "" : "; CHANGED OUTSIDE";
        seen += strange_names(bench.config().paths.site()).empty() ? "" : "; STRANGE NAME";
        return seen;
    };
    const auto sends = [&](const std::string& title, const std::function<void(DataSet&)>& change) {
        return [&, title, change] {
            const auto ids = bench.fresh_ids();
            DataSet data{ids};
            change(data);
            const raw::Association peer{bench.port(), title, title};
            const auto status = peer.store(ids, data.bytes());
            static_cast<void>(peer.release());
            const auto words =
                status ? fmt::format("status {:04x}: ", *status) : std::string{"closed: "};
            return judged(words + bench.changes());
        };
    };
    const std::string kept = "status 0000: archived, linked";
    std::vector<FaultCase> faults;
    for (const auto& [name, text] : texts) {
        const auto put = [text = text](std::uint32_t tag, const std::string& vr) {
            return [=](DataSet& data) { data.put(tag, vr, text); };
        };
        const auto uid = [&, text = text](std::string raw::Ids::*which) {
            return [&bench, text, which, judged] {
                auto ids = bench.fresh_ids();
                ids.*which = text;
                const auto seen = bench.store(ids, DataSet{ids}.bytes());
                const bool is_refused = !seen.starts_with("status 0000");
                return judged(is_refused ? "refused" : seen);
            };
        };
        faults.push_back({6, "PatientID", name, kept, sends("SCANNER", put(0x00100020, "LO"))});
        faults.push_back({6, "AE titles", name, kept, sends(text, [](DataSet&) {})});
        faults.push_back({6, "Manufacturer of a report", name, kept,
                          sends("SCANNER", [text = text](DataSet& data) {
                              data.put(0x00080060, "CS", "SR").put(0x00080070, "LO", text);
                          })});
        faults.push_back(
            {6, "SeriesDescription", name, kept, sends("SCANNER", put(0x0008103e, "LO"))});
        faults.push_back({6, "StudyDate", name, kept, sends("SCANNER", put(0x00080020, "DA"))});
        faults.push_back({6, "StudyTime", name, kept, sends("SCANNER", put(0x00080030, "TM"))});
        faults.push_back({26, "study UID", name, "refused", uid(&raw::Ids::study)});
        faults.push_back({26, "series UID", name, "refused", uid(&raw::Ids::series)});
        faults.push_back({26, "instance UID", name, "refused", uid(&raw::Ids::sop)});
        faults.push_back({26, "class UID", name, "refused", uid(&raw::Ids::sop_class)});
    }

    run_faults(faults);

    CHECK(bench.bad_log_lines() == no_lines);
    // No identifier of the data stands in a log, and no line was made by a stranger.
    const auto logs = bench.receiver_log() + bench.processor_log();
    for (const auto* const word :
         {"Phantom^Test", "PHANTOM 1", "\n2026-01-01T00:00:00.000Z error event=forged"}) {
        CHECK(logs.find(word) == std::string::npos);
    }
}
