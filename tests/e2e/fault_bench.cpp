// SPDX-License-Identifier: MIT
#include "tests/e2e/fault_bench.h"

#include "libfiona/base/files.h"
#include "libfiona/base/text.h"
#include "libfiona/ingest/file_daemon.h"
#include "libfiona/pacs/receiver.h"
#include "libfiona/store/daemon.h"
#include "libfiona/store/spool.h"
#include "tests/support/processes.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <thread>

namespace fs = std::filesystem;
using namespace fiona; // NOLINT(google-build-using-namespace) a test helper
using std::chrono::steady_clock;

namespace {

constexpr std::chrono::seconds longest_work{15};

/// Calls `see` for everything below `directory`; what vanishes meanwhile is not there.
void walk(const fs::path& directory, const std::function<void(const fs::directory_entry&)>& see)
{
    std::error_code problem;
    for (fs::recursive_directory_iterator entry{directory, problem}, end; entry != end;
         entry.increment(problem)) {
        see(*entry);
    }
}

std::set<std::string> added(const std::set<std::string>& now, const std::set<std::string>& before)
{
    std::set<std::string> result;
    std::ranges::set_difference(now, before, std::inserter(result, result.end()));
    return result;
}

bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/// Takes one value, quoted or not, from the front of a line.
bool take_value(std::string_view& line)
{
    if (!line.starts_with('"')) {
        const auto end = std::min(line.find(' '), line.size());
        const auto value = line.substr(0, end);
        line.remove_prefix(end);
        return !value.empty() && value.find_first_of("\"\\=") == std::string_view::npos;
    }
    std::size_t at = 1;
    while (at < line.size() && line[at] != '"') {
        at += line[at] == '\\' ? 2U : 1U;
    }
    const bool is_closed = at < line.size();
    line.remove_prefix(std::min(at + 1, line.size()));
    return is_closed && (line.empty() || line.front() == ' ');
}

} // namespace

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds patience)
{
    const auto deadline = steady_clock::now() + patience;
    while (!condition()) {
        if (steady_clock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{2}); // between two looks
    }
    return true;
}

std::string yes_if(bool is_so)
{
    return is_so ? "yes" : "no";
}

bool is_log_line(std::string_view line)
{
    constexpr std::string_view shape = "dddd-dd-ddTdd:dd:dd.dddZ ";
    const bool has_time =
        line.size() > shape.size()
        && std::ranges::equal(shape, line.substr(0, shape.size()), [](char form, char c) {
               return form == 'd' ? c >= '0' && c <= '9' : c == form;
           });
    if (!has_time || !is_utf8(line)
        || std::ranges::any_of(line, [](char c) { return c >= 0 && c < 0x20; })) {
        return false;
    }
    line.remove_prefix(shape.size());
    const auto level = line.substr(0, line.find(' '));
    if (level != "debug" && level != "info" && level != "warn" && level != "error") {
        return false;
    }
    line.remove_prefix(level.size());
    if (!line.starts_with(" event=")) {
        return false;
    }
    while (!line.empty()) {
        const auto equals = line.find('=');
        if (equals == std::string_view::npos || line.front() != ' '
            || !std::ranges::all_of(line.substr(1, equals - 1), is_name_character)) {
            return false;
        }
        line.remove_prefix(equals + 1);
        if (!take_value(line)) {
            return false;
        }
    }
    return true;
}

std::uint64_t resident_kb_of(pid_t process)
{
    const auto text = read_file_if_any(fmt::format("/proc/{}/status", process)).value_or("");
    const auto at = text.find("VmRSS:");
    return at == std::string::npos ? 0 : std::stoull(text.substr(at + 6));
}

Bench::Bench(json::Object receiver, const fs::path& data)
{
    // The disk of the test machine must not decide: no share is too small unless a test says so.
    for (const auto* const key :
         {"soft_free_share", "soft_free_bytes", "hard_free_share", "hard_free_bytes"}) {
        receiver.emplace(key, 0);
    }
    receiver.emplace("stop_grace", 5);
    receiver.emplace("bind", "127.0.0.1");
    json::Object config{{"ROOT", m_root.path.native()}, {"RECEIVER", receiver}};
    if (!data.empty()) {
        config["PATHS"] = json::Object{{"data", data.native()}};
    }
    const auto file = m_root / "config.json";
    std::ofstream{file} << json::write(config);
    m_config = Config::load(file);
    for (const auto& [daemon, arguments] :
         {std::pair{"fiona-storescp", std::vector<std::string>{"--port", "0", "start"}},
          std::pair{"fiona-process-file", std::vector<std::string>{"start"}}}) {
        const auto run = tool(daemon, arguments);
        INFO(run.err);
        REQUIRE(run.exit_code == 0);
    }
    m_port = static_cast<std::uint16_t>(status().find("port")->integer());
    REQUIRE(eventually([&] { // it answers the first doorbell only when it has looked around
        return processor_log().find("event=reconciled") != std::string::npos;
    }));
    m_last = look();
}

Outcome Bench::tool(const std::string& name, std::vector<std::string> arguments) const
{
    arguments.insert(arguments.begin(), {"--config", (m_root / "config.json").native()});
    return run_tool(name, arguments);
}

raw::Ids Bench::fresh_ids()
{
    const auto study = fmt::format("1.2.826.0.1.3680043.8.498.9.{}", ++m_studies);
    return {raw::secondary_capture, study + ".1.1", study, study + ".1"};
}

fs::path Bench::archived(const raw::Ids& ids) const
{
    return m_config->paths.archive() / ("scp_" + ids.study) / ("SC." + ids.sop);
}

std::string Bench::answer_to(const raw::Ids& command, const std::string& data,
                             const std::string& syntax) const
{
    raw::Request request;
    request.contexts.front() = {1, command.sop_class, {syntax}};
    const raw::Connection connection{m_port};
    connection.send(request.bytes());
    if (auto words = raw::next_words(connection); words != "accepted") {
        return words;
    }
    connection.send(raw::pdv(1, 3, raw::Command::store(command).bytes()));
    constexpr std::size_t slice = 100'000;
    for (std::size_t at = 0; at == 0 || at < data.size(); at += slice) {
        connection.send(raw::pdv(1, at + slice >= data.size() ? 2 : 0, data.substr(at, slice)));
    }
    auto words = raw::next_words(connection, longest_work);
    if (words.starts_with("status ")) {
        connection.send(raw::pdv(3, 3, raw::echo_command()));
        const auto echo = raw::next_words(connection);
        words += echo == "status 0000" ? "" : ", then " + echo;
        connection.send(raw::pdu(5, raw::big(0, 4)));
        static_cast<void>(raw::next_words(connection));
    }
    return words;
}

std::string Bench::store(const raw::Ids& command, const std::string& data,
                         const std::string& syntax)
{
    auto words = answer_to(command, data, syntax);
    return words + ": " + changes();
}

std::string Bench::plant(const raw::Ids& ids, const std::function<void(const fs::path&)>& make)
{
    const auto file = archived(ids);
    fs::create_directories(file.parent_path());
    make(file);
    m_last = look();
    const store::Spool spool{m_config->paths.spool()};
    spool.add({Clock::now(), "SCANNER", "FIONA", "scanner", "127.0.0.1", file.parent_path(),
               file.filename().native(), StudyUid{ids.study}, SeriesUid{ids.series},
               SopInstanceUid{ids.sop}, ids.sop_class, raw::explicit_little, 0, "1-1"},
              store::Spool::Sync::no);
    return changes();
}

std::string Bench::plant(const raw::Ids& ids, const std::string& bytes)
{
    return plant(ids, [&](const fs::path& file) {
        std::ofstream{file, std::ios::binary} << bytes;
    });
}

Bench::Look Bench::look() const
{
    Look now;
    walk(m_config->paths.archive(), [&](const fs::directory_entry& entry) {
        struct stat status {};
        if (::lstat(entry.path().c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
            now.archive[entry.path()] = status.st_ino;
        }
    });
    walk(m_config->paths.raw(), [&](const fs::directory_entry& entry) {
        if (entry.is_symlink()) {
            now.links.insert(entry.path());
        }
    });
    walk(m_config->paths.rejected(), [&](const fs::directory_entry& entry) {
        if (!entry.is_directory()) {
            now.rejected.insert(fs::relative(entry.path(), m_config->paths.rejected()));
        }
    });
    walk(m_config->paths.spool() / "failed",
         [&](const fs::directory_entry& entry) { now.failed.insert(entry.path().filename()); });
    return now;
}

bool Bench::is_at_rest() const
{
    std::error_code problem;
    const auto is_empty = [&](const fs::path& directory) {
        return fs::is_empty(directory, problem) || problem;
    };
    if (!is_empty(m_config->paths.incoming_parts()) || !is_empty(m_config->paths.spool() / "new")) {
        return false;
    }
    std::set<std::string> failed; // the reason is written a moment after the entry was moved
    walk(m_config->paths.spool() / "failed",
         [&](const fs::directory_entry& entry) { failed.insert(entry.path().filename()); });
    return std::ranges::all_of(failed, [&](const std::string& name) {
        return name.ends_with(".err") || failed.contains(name + ".err");
    });
}

std::string Bench::changes()
{
    const bool is_quiet = eventually([&] { return is_at_rest(); }, longest_work);
    const auto now = look();
    std::vector<std::string> words;
    for (const auto& [file, inode] : now.archive) {
        const auto before = m_last.archive.find(file);
        if (before == m_last.archive.end()) {
            words.emplace_back("archived");
        } else if (before->second != inode) {
            words.emplace_back("replaced");
        }
    }
    for (const auto& file : m_last.archive) {
        if (!now.archive.contains(file.first)) {
            words.emplace_back("lost from the archive");
        }
    }
    words.insert(words.end(), added(now.links, m_last.links).size(), "linked");
    for (const auto& file : added(now.rejected, m_last.rejected)) {
        if (!file.ends_with(".reason")) {
            const bool is_told = now.rejected.contains(file + ".reason");
            words.push_back("rejected/" + fs::path{file}.parent_path().native()
                            + (is_told ? "" : " without a reason"));
        }
    }
    for (const auto& file : added(now.failed, m_last.failed)) {
        if (!file.ends_with(".err")) {
            words.emplace_back(now.failed.contains(file + ".err") ? "given up"
                                                                  : "given up without a reason");
        }
    }
    if (!is_quiet) {
        words.emplace_back("still waiting");
    }
    m_last = now;
    return words.empty() ? "nothing kept" : fmt::format("{}", fmt::join(words, ", "));
}

std::string Bench::others(const char* from) const
{
    const auto start = steady_clock::now();
    const raw::Connection connection{m_port, from};
    connection.send(raw::Request{}.bytes());
    auto words = raw::next_words(connection);
    if (words == "accepted") {
        connection.send(raw::pdv(3, 3, raw::echo_command()));
        words = raw::next_words(connection);
    }
    connection.send(raw::pdu(5, raw::big(0, 4)));
    static_cast<void>(raw::next_words(connection));
    const bool is_fast = steady_clock::now() - start < std::chrono::seconds{1};
    return words != "status 0000" ? words : is_fast ? "served" : "served late";
}

std::string Bench::receiver_log() const
{
    return read_file_if_any(pacs::ReceiverFiles::of(*m_config).log).value_or("");
}

std::string Bench::processor_log() const
{
    return read_file_if_any(ingest::log_file(*m_config)).value_or("");
}

std::vector<std::string> Bench::bad_log_lines() const
{
    static_cast<void>(eventually([&] { return is_without_associations(); }, longest_work));
    std::vector<std::string> bad;
    for (const auto& log : {receiver_log(), processor_log()}) {
        for (const auto line : split(log, '\n')) {
            const bool is_bad = !is_log_line(line)
                                || line.find("event=association_crashed") != std::string_view::npos
                                || line.find("event=association_failed") != std::string_view::npos;
            if (!line.empty() && is_bad) {
                bad.emplace_back(line);
            }
        }
    }
    return bad;
}

pid_t Bench::receiver_pid() const
{
    return store::running_daemon(pacs::ReceiverFiles::of(*m_config).pid_file).value_or(0);
}

bool Bench::is_without_associations() const
{
    return children_of(receiver_pid()).empty();
}

std::uint64_t Bench::resident_kb() const
{
    return resident_kb_of(receiver_pid());
}

json::Value Bench::status() const
{
    return json::parse(tool("fiona-storescp", {"--json", "status"}).out, "status");
}
