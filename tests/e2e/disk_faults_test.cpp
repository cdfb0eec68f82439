// SPDX-License-Identifier: MIT
// A disk that is full, out of inodes, read-only or in somebody's way, at every step of receiving.
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/dicom/prescan.h"
#include "libfiona/store/spool.h"
#include "tests/e2e/fault_bench.h"
#include "tests/e2e/fault_table.h"
#include "tests/support/hostile_file.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <fstream>

namespace fs = std::filesystem;
using namespace fiona;
using hostile::DataSet;

namespace {

const std::vector<std::string> no_lines;

/// A small file system of its own; nothing if we may not make one.
class SmallDisk {
public:
    SmallDisk()
        : m_is_mounted{
            ::geteuid() == 0
            && ::mount("tmpfs", m_point.path.c_str(), "tmpfs", 0, "size=4m,nr_inodes=2000") == 0}
    {
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    ~SmallDisk()
    {
        if (m_is_mounted) {
            ::umount2(m_point.path.c_str(), MNT_DETACH);
        }
    }

    [[nodiscard]] bool is_mounted() const { return m_is_mounted; }
    [[nodiscard]] const fs::path& path() const { return m_point.path; }

    /// Takes all space but so many blocks.
    void leave_blocks(std::uint64_t count) const
    {
        const auto state = look();
        const std::string block(state.f_bsize, 'b');
        std::ofstream ballast{m_point / "ballast", std::ios::binary};
        for (auto free = state.f_bavail; free > count; --free) {
            ballast << block;
        }
    }
    /// Takes all inodes but so many.
    void leave_inodes(std::uint64_t count) const
    {
        fs::create_directory(m_point / "ballast.d");
        for (auto free = look().f_favail; free > count; --free) {
            std::ofstream{m_point / "ballast.d" / std::to_string(free)};
        }
    }
    void give_back() const
    {
        fs::remove(m_point / "ballast");
        fs::remove_all(m_point / "ballast.d");
    }
    [[nodiscard]] bool remount(unsigned long flags) const
    {
        return ::mount("tmpfs", m_point.path.c_str(), "tmpfs", MS_REMOUNT | flags,
                       "size=4m,nr_inodes=2000")
               == 0;
    }

private:
    [[nodiscard]] struct statvfs look() const
    {
        struct statvfs state {};
        ::statvfs(m_point.path.c_str(), &state);
        return state;
    }

    TempDir m_point;
    bool m_is_mounted;
};

/// Sends objects of 8.8 kB, two pages and a bit, while the disk is in trouble and afterwards.
class Trial {
public:
    Trial(Bench& bench) : m_bench{bench} {}

    /// "refused" (A700) or "whole", then the same object again when the trouble is over.
    std::string run(const std::function<void()>& trouble, const std::function<void()>& relief)
    {
        const auto ids = m_bench.fresh_ids();
        const auto data = DataSet{ids}.put(0x7fe00010, "OB", std::string(8192, 'x')).bytes();
        const raw::Association peer{m_bench.port()};
        // The receiver looks at the disk once a second: now it is content, and walks into the trouble.
        const auto before = m_bench.fresh_ids();
        if (peer.store(before, DataSet{before}.bytes()) != 0x0000) {
            return "trouble before it began";
        }
        trouble();
        const auto status = peer.store(ids, data);
        std::string first = status == 0x0000   ? judged(ids, data)
                            : status == 0xa700 ? "refused"
                            : status           ? fmt::format("status {:04x}", *status)
                                               : "association lost";
        const auto* const echo = peer.echo() == 0x0000 ? "" : ", no echo";
        relief();
        const auto* const parts =
            fs::is_empty(m_bench.config().paths.incoming_parts()) ? "" : ", a part";
        const bool is_stored =
            eventually([&] { return peer.store(ids, data) == 0x0000; }, std::chrono::seconds{3});
        const auto again = is_stored ? judged(ids, data) : "refused";
        static_cast<void>(peer.release());
        return first + ", then " + again + parts + echo;
    }

private:
    /// What lies in the archive of an acknowledged object, and in the spool.
    [[nodiscard]] std::string judged(const raw::Ids& ids, const std::string& data) const
    {
        const auto file = m_bench.archived(ids);
        if (!fs::exists(file)
            || read_file(file).substr(dicom::prescan_file(file).data_set_offset) != data) {
            return "TRUNCATED";
        }
        const store::Spool spool{m_bench.config().paths.spool()};
        for (const auto& name : spool.waiting()) {
            if (spool.read(name).sop.str() == ids.sop) {
                return "whole";
            }
        }
        return "not announced";
    }

    Bench& m_bench;
};

/// For steps where either is right: the answer tells the truth.
std::string either(const std::string& seen)
{
    const bool is_right = seen == "refused, then whole" || seen == "whole, then whole";
    return is_right ? "refused or whole, then whole [" + seen + "]" : seen;
}

/// What the processor makes of everything that was acknowledged.
std::string sorted(Bench& bench, unsigned objects)
{
    static_cast<void>(bench.tool("fiona-process-file", {"start"}));
    static_cast<void>(bench.changes());
    unsigned links = 0;
    for (const auto& entry : fs::recursive_directory_iterator{bench.config().paths.raw()}) {
        links += entry.is_symlink() && fs::exists(entry.path()) ? 1U : 0U;
    }
    return links == objects ? "all linked" : fmt::format("{} of {} linked", links, objects);
}

} // namespace

TEST_CASE("faults 41, 42 and 44: nothing is acknowledged that is not there, on any disk")
{
    const SmallDisk disk;
    if (!disk.is_mounted()) {
        skip_faults({41, 42, 44}, "a small file system can be mounted by root only");
        return;
    }
    Bench bench{{}, disk.path()};
    static_cast<void>(bench.tool("fiona-process-file", {"stop"})); // it would free and take space
    Trial trial{bench};
    const std::string right = "refused or whole, then whole";
    const std::string refused = "refused, then whole";
    const std::string whole = "whole, then whole";
    /// At both ends of the row it is known what must be seen; between them, that it is the truth.
    const auto row = [&](unsigned number, const std::string& name, unsigned free,
                         const std::string& done, const std::function<void()>& trouble) {
        const bool is_known = free == 0 || free == 8;
        return FaultCase{number, name, done,
                         free == 0  ? refused
                         : is_known ? whole
                                    : right,
                         [&, is_known, trouble] {
                             const auto seen = trial.run(trouble, [&] { disk.give_back(); });
                             return is_known ? seen : either(seen);
                         }};
    };
    std::vector<FaultCase> faults;
    unsigned trials = 0;
    for (const unsigned blocks : {0U, 1U, 2U, 3U, 4U, 5U, 6U, 8U}) {
        ++trials;
        faults.push_back(row(41, "full disk", blocks, fmt::format("{} blocks free", blocks),
                             [&, blocks] { disk.leave_blocks(blocks); }));
    }
    for (const unsigned inodes : {0U, 1U, 2U, 3U, 4U, 5U, 6U, 8U}) {
        ++trials;
        faults.push_back(row(42, "no inodes", inodes, fmt::format("{} inodes free", inodes),
                             [&, inodes] { disk.leave_inodes(inodes); }));
    }
    ++trials;
    faults.push_back({44, "read-only", "remounted under the receiver", refused, [&] {
                          return trial.run([&] { static_cast<void>(disk.remount(MS_RDONLY)); },
                                           [&] { static_cast<void>(disk.remount(0)); });
                      }});
    faults.push_back(
        {41, "full disk", "a bad object that cannot be set aside", "status c001 or a700", [&] {
             const raw::Association peer{bench.port()};
             disk.leave_blocks(0);
             const auto status = peer.store(bench.fresh_ids(), "<html></html> ");
             const bool is_alive = peer.echo() == 0x0000;
             disk.give_back();
             const bool is_right =
                 std::set<std::uint16_t>{0xc001, 0xa700}.contains(status.value_or(0));
             return is_right && is_alive ? "status c001 or a700" : "another answer";
         }});
    faults.push_back({41, "full disk", "everything acknowledged so far", "all linked",
                      [&] { return sorted(bench, 2 * trials); }});

    run_faults(faults);

    CHECK(bench.bad_log_lines() == no_lines);
}

TEST_CASE("fault 47: something else stands where a directory of the site must be")
{
    Bench bench;
    static_cast<void>(bench.tool("fiona-process-file", {"stop"}));
    Trial trial{bench};
    const auto& paths = bench.config().paths;
    const std::string refused = "refused, then whole";
    /// `make` puts something into the place of `directory` until the relief.
    const auto instead = [&](const fs::path& directory,
                             const std::function<void(const fs::path&)>& make) {
        return [&, directory, make] {
            const auto aside = fs::path{directory.native() + ".aside"};
            return trial.run(
                [&] {
                    fs::rename(directory, aside);
                    make(directory);
                },
                [&] {
                    fs::remove_all(directory);
                    fs::rename(aside, directory);
                });
        };
    };
    const auto file = [](const fs::path& path) { std::ofstream{path}; };
    const auto nothing = [](const fs::path&) {};
    const auto fifo = [](const fs::path& path) { ::mkfifo(path.c_str(), 0600); };
    const TempDir outside;
    const auto way_out = [&](const fs::path& path) {
        fs::create_directory_symlink(outside.path, path);
    };
    if (::geteuid() == 0) { // else nobody may mount one
        run_faults({{47, "a study's directory", "another file system",
                     "status a700: nothing kept, then status 0000: archived",
                     [&] {
                         const auto ids = bench.fresh_ids();
                         const auto directory = paths.archive() / ("scp_" + ids.study);
                         fs::create_directory(directory);
                         if (::mount("tmpfs", directory.c_str(), "tmpfs", 0, "size=1m") != 0) {
                             return std::string{"cannot be mounted"};
                         }
                         const auto words = bench.answer_to(ids, DataSet{ids}.bytes());
                         const bool is_kept = !fs::is_empty(directory);
                         ::umount2(directory.c_str(), MNT_DETACH);
                         const auto then = bench.answer_to(ids, DataSet{ids}.bytes());
                         return words + (is_kept ? ": kept, then " : ": nothing kept, then ") + then
                                + (fs::exists(bench.archived(ids)) ? ": archived" : ": lost");
                     }},
                    {47, ".incoming", "another file system", refused, [&] {
                         const auto parts = paths.incoming_parts();
                         bool is_mounted = false;
                         auto words = trial.run(
                             [&] {
                                 is_mounted =
                                     ::mount("tmpfs", parts.c_str(), "tmpfs", 0, "size=1m") == 0;
                             },
                             [&] { ::umount2(parts.c_str(), MNT_DETACH); });
                         return is_mounted ? words : std::string{"cannot be mounted"};
                     }}});
    } else {
        skip_faults({47}, "another file system can be mounted by root only");
    }
    run_faults({
        {47, "spool/tmp", "a file instead", refused, instead(paths.spool() / "tmp", file)},
        {47, "spool/tmp", "missing", refused, instead(paths.spool() / "tmp", nothing)},
        {47, "spool/new", "a file instead", refused, instead(paths.spool() / "new", file)},
        {47, "spool/new", "missing", refused, instead(paths.spool() / "new", nothing)},
        {47, "spool/tmp", "a FIFO instead", refused, instead(paths.spool() / "tmp", fifo)},
        {47, "spool/new", "a FIFO instead", refused, instead(paths.spool() / "new", fifo)},
        {47, ".incoming", "a FIFO instead", refused, instead(paths.incoming_parts(), fifo)},
        {47, "a study's directory", "a FIFO instead", "status a700: nothing kept",
         [&] {
             const auto ids = bench.fresh_ids();
             const auto directory = paths.archive() / ("scp_" + ids.study);
             fifo(directory);
             const auto words = bench.answer_to(ids, DataSet{ids}.bytes());
             return words + (fs::is_fifo(directory) ? ": nothing kept" : ": replaced");
         }},
        {47, ".incoming", "a file instead", refused, instead(paths.incoming_parts(), file)},
        {47, ".incoming", "missing", refused, instead(paths.incoming_parts(), nothing)},
        {47, "a study's directory", "a file instead", "status a700: nothing kept",
         [&] {
             const auto ids = bench.fresh_ids();
             std::ofstream{paths.archive() / ("scp_" + ids.study)};
             const auto words = bench.answer_to(ids, DataSet{ids}.bytes());
             return words
                    + (fs::is_regular_file(paths.archive() / ("scp_" + ids.study))
                           ? ": nothing kept"
                           : ": replaced");
         }},
        {47, "a study's directory", "a link out of the site", "status a700: nothing outside",
         [&] {
             const auto ids = bench.fresh_ids();
             way_out(paths.archive() / ("scp_" + ids.study));
             const auto words = bench.answer_to(ids, DataSet{ids}.bytes());
             return words + (fs::is_empty(outside.path) ? ": nothing outside" : ": OUTSIDE");
         }},
        {47, "a study's directory", "a link to nowhere", "status a700: nothing outside",
         [&] {
             const auto ids = bench.fresh_ids();
             const auto directory = paths.archive() / ("scp_" + ids.study);
             fs::create_directory_symlink(outside / "nowhere", directory);
             const auto words = bench.answer_to(ids, DataSet{ids}.bytes());
             return words + (fs::is_empty(outside.path) ? ": nothing outside" : ": OUTSIDE");
         }},
        {47, "an object's name", "a link out of the site",
         "status 0000: the link replaced, nothing outside",
         [&] {
             const auto ids = bench.fresh_ids();
             fs::create_directory(paths.archive() / ("scp_" + ids.study));
             fs::create_symlink(outside / "victim", bench.archived(ids));
             const auto words = bench.answer_to(ids, DataSet{ids}.bytes());
             const bool is_replaced = fs::is_regular_file(fs::symlink_status(bench.archived(ids)));
             return words + (is_replaced ? ": the link replaced" : ": the link kept")
                    + (fs::is_empty(outside.path) ? ", nothing outside" : ", OUTSIDE");
         }},
        {47, "an object's name", "a FIFO", "status 0000: the FIFO replaced",
         [&] {
             const auto ids = bench.fresh_ids();
             fs::create_directory(paths.archive() / ("scp_" + ids.study));
             ::mkfifo(bench.archived(ids).c_str(), 0600);
             const auto words = bench.answer_to(ids, DataSet{ids}.bytes());
             const bool is_replaced = fs::is_regular_file(fs::symlink_status(bench.archived(ids)));
             return words + (is_replaced ? ": the FIFO replaced" : ": the FIFO kept");
         }},
    });

    CHECK(bench.bad_log_lines() == no_lines);
}
