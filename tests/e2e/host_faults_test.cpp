// SPDX-License-Identifier: MIT
// What a machine does to the tools of a site: no right to a port, no interface, a log that takes no line,
// a creation mask, a disk that is read-only, signals, and cron that is faster than the work.
#include "libfiona/base/crontab.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/process.h"
#include "libfiona/base/text.h"
#include "tests/e2e/pipeline.h"
#include "tests/support/daemon_guard.h"
#include "tests/support/hostile_file.h"
#include "tests/support/leak_scan.h"
#include "tests/support/raw_peer.h"
#include "tests/support/skip.h"
#include "tests/support/small_disk.h"

#include <catch2/catch.hpp>

#include <sys/mount.h>
#include <sys/stat.h>
#include <sysexits.h>

#include <csignal>
#include <fstream>

namespace fs = std::filesystem;
using namespace fiona;
using Catch::Matchers::Contains;
using namespace std::chrono_literals;

namespace {

/// A mask for all that the test and its tools make.
class CreationMask {
public:
    explicit CreationMask(mode_t mask) : m_old{::umask(mask)} {}
    CreationMask(const CreationMask&) = delete;
    CreationMask& operator=(const CreationMask&) = delete;
    ~CreationMask() { ::umask(m_old); }

private:
    mode_t m_old;
};

fs::path write_config(const fs::path& root, json::Object receiver = {})
{
    receiver.insert({{"bind", "127.0.0.1"},
                     {"soft_free_share", 0},
                     {"soft_free_bytes", 0},
                     {"hard_free_share", 0},
                     {"hard_free_bytes", 0}});
    const auto file = root / "config.json";
    std::ofstream{file} << json::write(
        json::Object{{"ROOT", (root / "site").native()}, {"RECEIVER", std::move(receiver)}});
    return file;
}

/// Sends one object of a study of its own; the status of the answer.
std::optional<std::uint16_t> store_one(std::uint16_t port, const raw::Ids& ids)
{
    const raw::Association peer{port};
    return peer.store(ids, hostile::DataSet{ids}.bytes());
}

/// What cron runs every so often, as a site's crontab says it.
struct CronJob {
    std::string command; ///< for /bin/sh
    std::string lock;    ///< the file of flock(1); empty for the start of a daemon
    std::string tool;
    std::vector<std::string> words; ///< behind the tool, without --config
    bool is_comment = false;        ///< a line for those who want it
};

/// `nice -n 3 flock -n -E 75 --close LOCK TOOL WORDS... --config FILE >> LOG`. No lock if it is another line.
CronJob job_of(const std::string& command, bool is_comment)
{
    const auto words = cron::words_of(command);
    std::size_t at = words.front() == "nice" ? 3 : 0;
    const std::vector<std::string_view> flock{"flock", "-n", "-E", "75"};
    CronJob job{command, "", "", {}, is_comment};
    if (words.size() > at + flock.size()
        && std::equal(flock.begin(), flock.end(),
                      words.begin() + static_cast<std::ptrdiff_t>(at))) {
        at += flock.size();
        at += words.at(at) == "--close" ? 1U : 0U;
        job.lock = words.at(at++);
    }
    job.tool = fs::path{words.at(at++)}.filename().native();
    for (; at < words.size() && words[at] != "--config"; ++at) {
        job.words.emplace_back(words[at]);
    }
    return job;
}

/// Every line of a crontab, those too that are commented out; each that names a tool of ours is one.
std::vector<CronJob> cron_jobs(const std::string& crontab)
{
    std::vector<CronJob> jobs;
    for (const auto line : split(crontab, '\n')) {
        const bool is_comment = line.starts_with('#');
        const auto begin = line.find_first_not_of("# ");
        const auto text = begin == std::string_view::npos ? "" : line.substr(begin);
        const auto lines = cron::lines_of(text);
        const bool is_job =
            line.find(std::string{FIONA_BIN_DIR} + "/fiona-") != std::string_view::npos;
        CAPTURE(line);
        REQUIRE((is_job == !lines.empty()));
        if (is_job) {
            CHECK_NOTHROW(cron::Fields::parse(lines.front().schedule));
            jobs.push_back(job_of(lines.front().command, is_comment));
        }
    }
    return jobs;
}

} // namespace

TEST_CASE("a port below 1024 without the right to it is one line, and no receiver")
{
    const TempDir root;
    const auto config = write_config(root.path);
    const std::vector<std::string> words{"setpriv",
                                         "--bounding-set",
                                         "-net_bind_service",
                                         "--inh-caps",
                                         "-net_bind_service",
                                         program("fiona-storescp"),
                                         "--config",
                                         config.native(),
                                         "--port",
                                         "1",
                                         "run"};
    const auto first_port =
        read_file_if_any("/proc/sys/net/ipv4/ip_unprivileged_port_start").value_or("1024");
    if (std::stoi(first_port) < 2 || ::geteuid() != 0) {
        skip("every port is free for all here, or we are not root");
        return;
    }

    const auto run = fiona::run({.arguments = words, .deadline = 10s});

    CAPTURE(run.err);
    CHECK((run.exit_code == EX_NOPERM || run.exit_code == EX_CONFIG));
    CHECK(split(trimmed(run.err), '\n').size() == 1);
}

TEST_CASE("an interface that goes away and comes back is served as before")
{
    const TempDir root;
    const auto config = write_config(root.path);
    std::ofstream{root / "script"} << R"(set -eu
tool=$1; config=$2
busybox ip link set lo up
$tool --config "$config" --port 11112 start
trap '$tool --config "$config" stop' EXIT
echoscu -to 2 127.0.0.1 11112 && echo before
busybox ip link set lo down
echoscu -to 1 127.0.0.1 11112 || echo away
busybox ip link set lo up
echoscu -to 2 127.0.0.1 11112 && echo after
)";

    const auto run = fiona::run({.arguments = {"unshare", "-n", "sh", (root / "script").native(),
                                               program("fiona-storescp"), config.native()},
                                 .deadline = 60s});

    if (run.err.find("Operation not permitted") != std::string::npos) {
        skip("no right to a network of our own");
        return;
    }
    CAPTURE(run.err);
    for (const auto* const moment : {"before", "away", "after"}) {
        CHECK_THAT(run.out, Contains(moment));
    }
}

TEST_CASE("every line of the crontab has a lock, and none two tools share")
{
    Pipeline pipeline;
    const auto jobs = cron_jobs(read_file(pipeline.root() / "crontab"));
    const auto example = read_file(fs::path{FIONA_SOURCE_DIR} / "crontab.example");
    std::size_t named = 0;
    for (auto at = example.find("@BIN@/"); at != std::string::npos;
         at = example.find("@BIN@/", at + 1)) {
        ++named;
    }
    REQUIRE(jobs.size() == named);
    const std::set<std::string> daemons{"fiona-redcapd", "fiona-storescp", "fiona-process-file"};
    std::map<std::string, std::string> holder_of; // tool and words by lock
    std::set<std::string> started;
    for (const auto& job : jobs) {
        CAPTURE(job.command);
        if (job.words == std::vector<std::string>{"start"}) {
            CHECK(job.lock.empty()); // it would inherit it
            CHECK(started.insert(job.tool).second);
            continue;
        }
        CHECK(fs::path{job.lock}.parent_path() == pipeline.config().paths.pids());
        CHECK(job.lock.ends_with(".pid"));
        const auto [other, is_first] = holder_of.emplace(job.lock, job.tool);
        // A line in a comment may stand for one that is there.
        CHECK((is_first || (job.tool == other->second && job.tool == "fiona-detect-arrival")));
    }
    CHECK(started == daemons);
}

TEST_CASE(
    "every tool of the crontab: a second one at the same time changes nothing and exits with 75")
{
    Pipeline pipeline;
    // Several of these work side by side by design: each takes its own items, under its own lock.
    const std::set<std::string> side_by_side{
        "fiona-anonymize-send",     "fiona-assign", "fiona-create-zip", "fiona-process-tiff",
        "fiona-remove-old-entries", "fiona-status", "fiona-verify"};
    for (const auto& job : cron_jobs(read_file(pipeline.root() / "crontab"))) {
        if (job.words == std::vector<std::string>{"start"}) {
            continue;
        }
        CAPTURE(job.command);
        REQUIRE_FALSE(job.lock.empty());
        // cron's own lock, as the line says: what the shell makes of the line, while its first run is at work
        const auto output = pipeline.scratch() / "line.log";
        const auto shown =
            job.command.substr(0, job.command.find(">>")) + ">" + output.native() + " 2>&1";
        fs::create_directories(pipeline.config().paths.pids());
        {
            const FileLock cron{job.lock};
            const auto second =
                fiona::run({.arguments = {"/bin/sh", "-c", shown}, .deadline = 60s});
            CHECK(second.exit_code == EX_TEMPFAIL);
            CHECK(read_file(output).empty()); // the tool itself would have said why
        }
        if (side_by_side.contains(job.tool)) {
            continue;
        }
        // and the tool's, for whoever starts it by hand
        const FileLock first{pipeline.config().paths.pids() / (job.tool + ".lock")};
        const auto second = pipeline.run(job.tool, job.words);
        CAPTURE(second.err);
        CHECK(second.exit_code == EX_TEMPFAIL);
        CHECK_THAT(second.err, Contains(std::to_string(::getpid())));
    }
}

TEST_CASE(
    "a log that takes no line stops no work: receiver, processor and tools on a full log disk")
{
    const TempDir root;
    const auto config_file = write_config(root.path);
    const auto config = Config::load(config_file);
    const SmallDisk logs{config.paths.server_logs(), "64k"};
    if (!logs.is_mounted()) {
        skip("only root mounts a small disk");
        return;
    }
    {
        std::ofstream ballast{config.paths.server_logs() / "ballast"};
        ballast << std::string(200'000, 'x');
    }
    const auto tool = [&](const std::string& name, std::vector<std::string> words) {
        words.insert(words.end(), {"--config", config_file.native()});
        return run_tool(name, words);
    };
    const DaemonGuard guard{config_file};
    REQUIRE(tool("fiona-storescp", {"--port", "0", "start"}).exit_code == EX_OK);
    REQUIRE(tool("fiona-process-file", {"start"}).exit_code == EX_OK);
    const auto status = tool("fiona-storescp", {"--json", "status"});
    const auto port = json::parse(status.out, "status").find("port")->integer();

    const raw::Ids ids;
    CHECK(store_one(static_cast<std::uint16_t>(port), ids) == 0x0000);

    const auto link = config.paths.raw() / ids.study / ids.series / ids.sop;
    CHECK(eventually([&] { return fs::exists(link); }));
    // A tool of cron whose standard error is that disk.
    const auto full = fiona::run(
        {.arguments = {"sh", "-c", "exec \"$0\" \"$@\" 2>/dev/full", program("fiona-process-file"),
                       "reconcile", "-v", "--config", config_file.native()}});
    CHECK(full.exit_code == EX_OK);
    CHECK(tool("fiona-storescp", {"stop"}).exit_code == EX_OK);
    CHECK(tool("fiona-process-file", {"stop"}).exit_code == EX_OK);
}

TEST_CASE("whatever the creation mask: the road works, and nothing of a site is for everybody")
{
    const auto mask = GENERATE(mode_t{0000}, mode_t{0077});
    const CreationMask set{mask};
    Pipeline pipeline;
    const auto images = pipeline.scratch() / "images";
    const auto count = make_phantoms(images, {"--set", "small", "--images", "3"});
    REQUIRE(pipeline.send(images));
    REQUIRE(pipeline.settle(1));
    std::map<std::string, std::string> participants;
    const auto listed = pipeline.ask("fiona-assign", {"studies", "--all"});
    for (const auto& study : listed.array()) {
        participants.emplace(study.text("study"), "DEMO_001");
    }
    pipeline.assign_all(participants);
    REQUIRE(pipeline.transfer_all());

    const auto found = pipeline.in_pacs();
    REQUIRE(found.size() == 1);
    CHECK(found.begin()->second.size() == count);
    for (const auto& entry : fs::recursive_directory_iterator{pipeline.root()}) {
        struct stat status {};
        REQUIRE(::lstat(entry.path().c_str(), &status) == 0);
        // Not ours, and what systemd reads as somebody else: it holds paths only.
        const auto top = *fs::relative(entry.path(), pipeline.root()).begin();
        const bool is_of_others = top == "pacs" || top == "systemd";
        if (!S_ISLNK(status.st_mode) && !is_of_others) {
            CAPTURE(mask, entry.path().native(), status.st_mode);
            CHECK((status.st_mode & S_IWOTH) == 0);
            CHECK((S_ISDIR(status.st_mode) || (status.st_mode & S_IROTH) == 0));
        }
    }
}

TEST_CASE("a site that has become read-only is told by each tool, nothing is done by half, and "
          "then it goes on")
{
    const TempDir root;
    const auto config_file = write_config(root.path);
    const auto config = Config::load(config_file);
    fs::create_directories(root / "site");
    const auto directory = (root / "site").native();
    if (::geteuid() != 0 || ::mount("tmpfs", directory.c_str(), "tmpfs", 0, "size=32m") != 0) {
        skip("only root mounts a small disk");
        return;
    }
    struct Unmount {
        std::string directory;
        ~Unmount() { ::umount2(directory.c_str(), MNT_DETACH); }
    };
    const Unmount later{directory};
    const auto tool = [&](const std::string& name, std::vector<std::string> words) {
        words.insert(words.end(), {"--config", config_file.native()});
        return run_tool(name, words);
    };
    const DaemonGuard guard{config_file};
    REQUIRE(tool("fiona-storescp", {"--port", "0", "start"}).exit_code == EX_OK);
    const auto status = tool("fiona-storescp", {"--json", "status"});
    const auto port =
        static_cast<std::uint16_t>(json::parse(status.out, "status").find("port")->integer());
    const raw::Ids ids;
    REQUIRE(store_one(port, ids) == 0x0000);
    const auto remount = [&](unsigned long flags) {
        return ::mount("tmpfs", directory.c_str(), "tmpfs", MS_REMOUNT | flags, "size=32m") == 0;
    };
    // The receiver's log is open for writing: as a disk does after an error, under whoever writes.
    if (!remount(MS_RDONLY)) {
        REQUIRE(tool("fiona-storescp", {"stop"}).exit_code == EX_OK);
        REQUIRE(eventually([&] { return remount(MS_RDONLY); })); // the kernel closes a moment later
    }

    for (const auto& [name, words] :
         {std::pair{"fiona-process-file", std::vector<std::string>{"once"}},
          std::pair{"fiona-detect-arrival", std::vector<std::string>{}},
          std::pair{"fiona-clear-stale-links", std::vector<std::string>{}}}) {
        const auto run = tool(name, words);
        CAPTURE(name, run.err);
        CHECK((run.exit_code == EX_IOERR || run.exit_code == EX_NOPERM
               || run.exit_code == EX_TEMPFAIL));
        CHECK_FALSE(run.err.empty());
    }

    REQUIRE(remount(0));
    CHECK(tool("fiona-process-file", {"once"}).exit_code == EX_OK);
    CHECK(fs::exists(config.paths.raw() / ids.study / ids.series / ids.sop));
}

TEST_CASE("SIGTERM ends every daemon within ten seconds, busy or not, and the next start goes on")
{
    Pipeline pipeline;
    const auto images = pipeline.scratch() / "images";
    const auto count = make_phantoms(images, {"--set", "small", "--images", "40"});
    REQUIRE(pipeline.send(images)); // the processor has work
    const auto port = pipeline.config().receiver.port;
    // A scanner in the middle of an object: however fast the machine, the stop comes in between.
    const raw::Ids half;
    const auto data = raw::data_set(half);
    const raw::Association interrupted{port};
    REQUIRE(interrupted.is_accepted());
    interrupted.connection.send(raw::pdv(1, 3, raw::store_command(half.sop_class, half.sop)));
    interrupted.connection.send(raw::pdv(1, 0, data.substr(0, data.size() / 2)));
    const auto archived = [&] {
        std::size_t files = 0;
        for (const auto& entry :
             fs::recursive_directory_iterator{pipeline.config().paths.archive()}) {
            files += entry.is_regular_file() ? 1U : 0U;
        }
        return files;
    };

    for (const auto* const daemon : {"fiona-storescp", "fiona-process-file", "fiona-redcapd"}) {
        const auto start = std::chrono::steady_clock::now();
        CAPTURE(daemon);
        CHECK(pipeline.run(daemon, {"stop"}).exit_code == EX_OK); // SIGTERM, and waits for the end
        CHECK(std::chrono::steady_clock::now() - start < 10s);
    }
    CHECK(interrupted.status() != 0x0000); // it was at work, and was told so
    CHECK_FALSE(fs::exists(pipeline.config().paths.archive() / ("scp_" + half.study)));

    pipeline.start_daemons();
    const raw::Association again{port};
    CHECK(again.store(half) == 0x0000);
    CHECK(again.release());
    CHECK(pipeline.settle(2));
    CHECK(archived() == count + 1);
}
