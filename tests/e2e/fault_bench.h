// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/json.h"
#include "tests/support/daemon_guard.h"
#include "tests/support/raw_peer.h"
#include "tests/support/run_tool.h"
#include "tests/support/temp_dir.h"

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// A site with a receiver on a free port and a file processor, both the real daemons, and eyes on
/// everything they do with files.
class Bench {
public:
    /// `receiver`: RECEIVER of the configuration. `data`: another place for the site's data.
    explicit Bench(fiona::json::Object receiver = {}, const std::filesystem::path& data = {});
    Bench(const Bench&) = delete;
    Bench& operator=(const Bench&) = delete;
    ~Bench() = default;

    /// UIDs that nothing else on this bench has: the study is new too.
    [[nodiscard]] raw::Ids fresh_ids();

    /// Sends one object in an association of its own and says the answer and the fate of the file, as
    /// "status 0000: archived, linked". If the association cannot be used afterwards, says so.
    std::string store(const raw::Ids& command, const std::string& data,
                      const std::string& syntax = raw::explicit_little);
    /// The same without looking at files.
    [[nodiscard]] std::string answer_to(const raw::Ids& command, const std::string& data,
                                        const std::string& syntax = raw::explicit_little) const;
    /// Puts a file into the archive as if it had been received, and says what the processor does
    /// with it: "linked" or "given up". `make` writes the file.
    std::string plant(const raw::Ids& ids,
                      const std::function<void(const std::filesystem::path&)>& make);
    std::string plant(const raw::Ids& ids, const std::string& bytes);

    /// What happened to files since the last look: "archived", "replaced", "linked",
    /// "rejected/<reason>", "given up", ..., or "nothing kept". Waits until all is at rest.
    std::string changes();

    /// "served" if somebody else is served within a second; else what went wrong.
    [[nodiscard]] std::string others(const char* from = "127.0.0.2") const;

    /// Sorted and unbroken: lines of the logs of both daemons that are no log lines, or tell of a crash.
    /// Waits for the ends of all associations: a peer sees a connection close before the receiver sees
    /// how the process ended.
    [[nodiscard]] std::vector<std::string> bad_log_lines() const;
    [[nodiscard]] std::string receiver_log() const;
    [[nodiscard]] std::string processor_log() const;
    /// Of the receiver, not of its associations.
    [[nodiscard]] std::uint64_t resident_kb() const;
    [[nodiscard]] pid_t receiver_pid() const;
    /// No process of an association runs or was not waited for.
    [[nodiscard]] bool is_without_associations() const;
    [[nodiscard]] fiona::json::Value status() const;

    [[nodiscard]] Outcome tool(const std::string& name, std::vector<std::string> arguments) const;
    [[nodiscard]] std::filesystem::path archived(const raw::Ids& ids) const;
    [[nodiscard]] const fiona::Config& config() const { return *m_config; }
    [[nodiscard]] std::uint16_t port() const { return m_port; }
    [[nodiscard]] const std::filesystem::path& root() const { return m_root.path; }

private:
    /// What lies where; a file with its inode.
    struct Look {
        std::map<std::string, ino_t> archive;
        std::set<std::string> links;
        std::set<std::string> rejected;
        std::set<std::string> failed;
    };

    [[nodiscard]] Look look() const;
    [[nodiscard]] bool is_at_rest() const;

    TempDir m_root;
    DaemonGuard m_guard{m_root / "config.json"};
    std::optional<fiona::Config> m_config;
    std::uint16_t m_port = 0;
    unsigned m_studies = 0;
    Look m_last;
};

/// Polls until `condition` holds; false when `patience` is over.
bool eventually(const std::function<bool()>& condition,
                std::chrono::milliseconds patience = std::chrono::seconds{20});

/// "yes", or "no".
[[nodiscard]] std::string yes_if(bool is_so);

/// Whether a text is one line of a log, whole and in its form (base/log.h).
[[nodiscard]] bool is_log_line(std::string_view line);

/// Resident memory of a process.
[[nodiscard]] std::uint64_t resident_kb_of(pid_t process);
