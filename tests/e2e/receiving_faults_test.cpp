// SPDX-License-Identifier: MIT
// Kills and failing disks at one system call of the receiver after the other, and the power that goes
// right behind its answer.
#include "libfiona/base/text.h"
#include "tests/support/hostile_file.h"
#include "tests/support/processes.h"
#include "tests/support/receiver_site.h"
#include "tests/support/traced_tool.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <csignal>
#include <set>

using namespace fiona;
using hostile::DataSet;

namespace {

namespace fs = std::filesystem;

std::string data_of(const raw::Ids& ids)
{
    constexpr std::size_t some_pages = 20'000;
    return DataSet{ids}.put(0x7fe00010, "OB", std::string(some_pages, 'x')).bytes();
}

raw::Ids fresh(unsigned number)
{
    raw::Ids ids;
    ids.study = receiver::numbered(number);
    ids.series = ids.study + ".1";
    ids.sop = ids.study + ".1.1";
    return ids;
}

bool is_whole(const receiver::Site& site, const raw::Ids& ids)
{
    return fs::exists(site.archived(ids))
           && receiver::stored_data_set(site.archived(ids)) == data_of(ids);
}

std::optional<std::uint16_t> answer(const receiver::Site& site, const raw::Ids& ids)
{
    try {
        const raw::Association peer{site.port};
        return peer.is_accepted() ? peer.store(ids, data_of(ids)) : std::nullopt;
    } catch (const std::runtime_error&) { // nobody listens, or no more
        return std::nullopt;
    }
}

/// What must be on the disk at an answer: the object, its name, and that of its directory.
bool is_of_object(const std::string& path)
{
    return path.ends_with(".part") || path.find("/archive") != std::string::npos;
}

bool is_announced(const receiver::Site& site, const raw::Ids& ids)
{
    const store::Spool spool{site.site(".spool")};
    for (const auto& name : spool.waiting()) {
        if (spool.read(name).sop.str() == ids.sop) {
            return true;
        }
    }
    return false;
}

/// What a disk would still have if the power failed: names and contents that were synced, after the calls
/// that strace has seen (`-f -y`). The hardest file system there may be: without fsync() of a file its
/// content is lost, without fsync() of its directory its name.
class SyncedDisk {
public:
    void see(std::string_view line)
    {
        const auto open = line.find('(');
        const auto start = line.find_first_not_of("0123456789 ");
        if (open == std::string_view::npos || start == std::string_view::npos || start > open
            || line.find(" = -1 ") != std::string_view::npos) {
            return;
        }
        const auto call = line.substr(start, open - start);
        const auto path = between(line, '<', '>');
        if (call == "write" || call == "pwrite64" || call == "writev" || call == "sendto") {
            path.starts_with("socket:") ? answer() : void(m_dirty.insert(path));
        } else if (call == "fsync" || call == "fdatasync") {
            m_dirty.erase(path);
            std::erase_if(m_unnamed, [&](const std::string& name) {
                return fs::path{name}.parent_path() == path;
            });
        } else if (call == "mkdirat") {
            m_unnamed.insert(path + "/" + between(line, '"', '"'));
        } else if (call.starts_with("renameat")) {
            // renameat2(AT_FDCWD<cwd>, "/from", 7</directory>, "name", flags)
            const auto from = between(line, '"', '"');
            const auto rest = line.substr(line.find(from) + from.size() + 1);
            const auto to = between(rest, '<', '>') + "/" + between(rest, '"', '"');
            if (m_dirty.erase(from) > 0) {
                m_dirty.insert(to);
            }
            m_unnamed.insert(to);
            m_objects.insert(to);
        }
    }

    [[nodiscard]] std::size_t objects() const { return m_objects.size(); }
    [[nodiscard]] std::size_t answers() const { return m_answers; }
    /// Answers that were given while an object of the archive was not yet safe.
    [[nodiscard]] std::size_t broken_promises() const { return m_broken; }

private:
    static std::string between(std::string_view line, char first, char last)
    {
        const auto begin = line.find(first);
        const auto end = begin == std::string_view::npos ? begin : line.find(last, begin + 1);
        return end == std::string_view::npos ? std::string{}
                                             : std::string{line.substr(begin + 1, end - begin - 1)};
    }
    void answer()
    {
        m_answers += m_objects.empty() ? 0U : 1U;
        for (const auto& object : m_objects) {
            const auto study = fs::path{object}.parent_path().native();
            const bool is_safe = !m_dirty.contains(object) && !m_unnamed.contains(object)
                                 && !m_unnamed.contains(study);
            m_broken += is_safe ? 0U : 1U;
        }
    }

    std::set<std::string> m_dirty;
    std::set<std::string> m_unnamed;
    std::set<std::string> m_objects;
    std::size_t m_answers = 0;
    std::size_t m_broken = 0;
};

SyncedDisk seen(const std::vector<std::string_view>& lines)
{
    SyncedDisk disk;
    for (const auto line : lines) {
        disk.see(line);
    }
    return disk;
}

} // namespace

TEST_CASE(
    "receiving: killed or failed at any system call, what was acknowledged is whole and there")
{
    if (!traced::is_possible()) {
        return;
    }
    const std::string what = GENERATE("signal=KILL", "error=ENOSPC", "error=EIO", "error=EDQUOT",
                                      "error=ESTALE", "error=EROFS", "error=EINTR");
    const auto& calls = what == "signal=KILL" ? traced::changing_calls : traced::disk_calls;
    receiver::Site site;
    site.start();
    REQUIRE(answer(site, fresh(0)) == 0x0000); // it makes what every later one finds
    REQUIRE(receiver::eventually([&] { return children_of(site.pid()).empty(); }));
    unsigned round = 1;
    std::vector<traced::Call> made;
    {
        const traced::Watch watch{site.pid(), std::vector<std::string>{"-e", "trace=" + calls}};
        REQUIRE(answer(site, fresh(round)) == 0x0000);
        made = traced::calls_in(watch.log());
    }
    REQUIRE(made.size() >= 8);
    std::set<std::string> unsynced; // kinds of what could not be synced, and was not acknowledged
    for (const auto& call : made) {
        CAPTURE(what, call.name, call.at);
        site.start();
        const auto ids = fresh(++round);
        {
            const traced::Watch watch{site.pid(), traced::Injection{call.name, what, call.at}};
            const auto status = answer(site, ids);
            if (status == 0x0000) {
                CHECK(is_whole(site, ids));
                CHECK(is_announced(site, ids));
            } else if (status) {
                CHECK(*status == 0xa700);
            }
            // What ends an association may come behind its last answer.
            CHECK((!status || receiver::eventually([&] { return traced::is_hit(watch.log()); })));
            for (const auto& path : traced::hit_files(watch.log())) {
                if (traced::is_sync(call) && is_of_object(path)) {
                    CAPTURE(path);
                    CHECK(status == 0xa700); // and not asked again whether it is synced now
                    unsynced.insert(path.ends_with(".part")      ? "object"
                                    : path.ends_with("/archive") ? "archive"
                                                                 : "study");
                }
            }
        }
        for (const auto& file : site.files("archive")) {
            CHECK_NOTHROW(fiona::dicom::prescan_file(file)); // nothing half under a final name
        }

        CHECK(receiver::eventually([&] {
            static_cast<void>(site.tool({"--port", "0", "start"}));
            site.port = static_cast<std::uint16_t>(site.status().find("port")->integer());
            return answer(site, ids) == 0x0000;
        }));
        CHECK(is_whole(site, ids));
        CHECK(is_announced(site, ids));
    }
    CHECK(
        (what == "signal=KILL" || unsynced == std::set<std::string>{"archive", "object", "study"}));
}

TEST_CASE(
    "receiving: the power may fail right behind an answer, the object is there and gets sorted")
{
    if (!traced::is_possible()) {
        return;
    }
    constexpr unsigned objects = 5;
    receiver::Site site;
    site.start();
    std::string log;
    {
        const traced::Watch watch{
            site.pid(), std::vector<std::string>{
                            "-y", "-s", "0", "-e",
                            "trace=write,pwrite64,writev,sendto,fsync,fdatasync,mkdirat,renameat,"
                            "renameat2"}};
        for (unsigned number = 1; number <= objects; ++number) {
            REQUIRE(answer(site, fresh(number)) == 0x0000);
        }
        log = watch.log();
    }
    const auto lines = split(log, '\n');

    const auto disk = seen(lines);
    CHECK(disk.objects() == objects);
    CHECK(disk.answers() >= objects);
    CHECK(disk.broken_promises() == 0);
    // The look is sharp: without any one sync of an archived object it would have seen a loss.
    unsigned syncs = 0;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const bool is_of_object = lines[i].find("sync(") != std::string_view::npos
                                  && (lines[i].find("/archive") != std::string_view::npos
                                      || lines[i].find(".part>") != std::string_view::npos);
        if (is_of_object) {
            auto others = lines;
            others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
            CAPTURE(lines[i]);
            CHECK(seen(others).broken_promises() > 0);
            ++syncs;
        }
    }
    CHECK(syncs >= 3 * objects); // the object, its name, the name of its new directory

    // What is not synced is lost: announcements and marks. The archive alone is enough.
    ::kill(site.pid(), SIGKILL);
    fs::remove_all(site.site(".spool"));
    fs::remove_all(site.site(".arrived"));
    const auto config = (site.root / "config.json").native();
    static_cast<void>(run_tool("fiona-process-file", {"--config", config, "reconcile"}));
    static_cast<void>(run_tool("fiona-process-file", {"--config", config, "once"}));
    for (unsigned number = 1; number <= objects; ++number) {
        const auto ids = fresh(number);
        CHECK(fs::exists(site.site("raw") / ids.study / ids.series / ids.sop));
    }
}
