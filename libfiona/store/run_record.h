// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The last run of each tool, for fiona-status(1): `<state>/runs/`, two small files for each command line
/// of its kind (tool, sub-commands, project, part). They say when, where and how it ended, and nothing of
/// what it worked on.
///
/// K.running  K.last
///     -         -      never run
///     +         ?      in the midst of it while its process lives; else it was killed, or the machine
///                      lost its power. Equal to the run in K.last: it ended, and died before the unlink
///     -         +      ended
///
/// A run that begins while another of its kind is at work leaves K.running to that one. Each file comes
/// by rename, without fsync(2): after a power loss it may be empty, and then says nothing.
namespace fiona::store {

/// Which command line it was.
struct RunName {
    std::string tool;
    std::vector<std::string> commands; ///< sub-commands, outermost first
    std::string project;               ///< of SITES
    std::string part;                  ///< what the run is limited to

    /// `fiona-assign.coupling.expire@PROJECT+part`, percent-encoded.
    [[nodiscard]] std::string file_stem() const;
    friend bool operator==(const RunName&, const RunName&) = default;
};

struct Run {
    RunName name;
    std::string host; ///< short name
    pid_t pid = 0;
    std::uint64_t ticks = 0; ///< start_ticks(): with the pid one process for ever
    TimePoint started;

    friend bool operator==(const Run&, const Run&) = default;
};

struct EndedRun {
    Run run;
    TimePoint ended;
    int exit_code = 0;
    std::optional<TimePoint> last_success; ///< when a run of this name last ended with 0
};

/// Writes the files of one run. Nothing of it may hinder the tool: what cannot be written is left out,
/// and only a line of the log at level debug says so.
class RunRecord {
public:
    /// The run begins. Nothing if it cannot be recorded; `state` must be there.
    [[nodiscard]] static std::optional<RunRecord> begin(const std::filesystem::path& state,
                                                        RunName name, TimePoint now) noexcept;
    void end(int exit_code, TimePoint now) const noexcept;
    /// There was no run after all: another one holds the lock.
    void withdraw() const noexcept;

private:
    RunRecord(std::filesystem::path directory, Run run)
        : m_directory{std::move(directory)}, m_run{std::move(run)}
    {
    }
    [[nodiscard]] std::filesystem::path file(std::string_view suffix) const;
    void forget_running() const;

    std::filesystem::path m_directory;
    Run m_run;
};

/// What is known of one command line.
struct KnownRun {
    enum class State {
        ended,
        running, ///< its process lives; of another machine: may live
        killed,  ///< started, and neither an end nor a process
    };
    State state = State::ended;
    Run run;                      ///< the newest
    std::optional<EndedRun> last; ///< the last one that ended by itself
};

/// By tool and command. A file that cannot be read is left out, and so is a start on another machine two
/// days ago, of which nobody here can say what became. Throws os_error() if the directory cannot be read;
/// without one nothing ever ran.
[[nodiscard]] std::vector<KnownRun> known_runs(const std::filesystem::path& state, TimePoint now);

/// Up to the first dot.
[[nodiscard]] std::string short_host_name();

} // namespace fiona::store
