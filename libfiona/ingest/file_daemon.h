// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/mode.h"
#include "libfiona/classify/rules.h"
#include "libfiona/ingest/processor.h"
#include "libfiona/store/daemon.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

/// The life of the file processor, in the foreground; store/daemon.h puts it into the background.
/// One process at a time works on the spool of a site: it holds the lock on its pid file.
namespace fiona::ingest {

[[nodiscard]] std::filesystem::path pid_file(const Config& config);
[[nodiscard]] std::filesystem::path log_file(const Config& config);

/// The site's rules, or the shipped ones where it has none. Mistakes in them are logged.
[[nodiscard]] classify::Rules load_rules(const Config& config,
                                         const std::optional<std::filesystem::path>& other);

struct DaemonOptions {
    std::optional<std::filesystem::path> rules; ///< instead of the site's
    /// Whether the original's name in /tmp leads to our FIFO (see OldPipeName); also by `"LEGACYPIPE":
    /// true` in the configuration, so that whoever starts the daemon need not know.
    enum class OldName { none, link } old_name = OldName::none;
};

/// Starts run_until_stopped() in the background, by the tool's `run`.
store::StartResult start(const Config& config, const DaemonOptions& options);
store::StopResult stop(const Config& config);

/// Works until SIGTERM or SIGINT. SIGHUP reads the configuration and the rules again and keeps the old
/// ones if the new ones are unreadable; paths stay until the next start. Throws
/// Error{Fault::temporary} if another process works already.
void run_until_stopped(const Config& config, const DaemonOptions& options);

/// Drains the spool, reconciles what changed, drains again, and returns.
Processor::Drained run_once(const Config& config,
                            const std::optional<std::filesystem::path>& rules);

/// What start, stop, restart or once would do now, in words; nothing for any other verb. Throws
/// Error{Fault::usage} for run, which can only be.
[[nodiscard]] std::optional<std::string> plan(const Config& config, std::string_view verb);

/// Turns a line of the original's FIFO (see announce_line()) into a spool entry and rings. Throws what
/// announce_line() throws: the file must lie in the archive.
void send(const Config& config, std::string_view line, Mode mode);

} // namespace fiona::ingest
