// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace fiona::ingest {

/// How often something failed, and when it is tried again: after 1, 2, 4, 8 and 16 minutes.
struct Retry {
    unsigned attempts = 0; ///< that failed, since something last succeeded
    TimePoint next;
    std::string reason; ///< of the last one

    [[nodiscard]] bool is_due(TimePoint now) const;
    [[nodiscard]] bool is_over() const; ///< the first try and five more have failed
    void note_failure(TimePoint now, std::string why);
};

/// Where one stream stands with one mark. An action counts when it has ended: one that was cut short is
/// run again.
struct StreamProgress {
    std::string version;  ///< of the stream; with another the list begins again
    std::size_t next = 0; ///< action
    bool is_done = false;
    Retry retry;
    struct Program {
        pid_t pid = 0;
        std::uint64_t started = 0; ///< ticks since boot
    };
    std::optional<Program> program; ///< was started for `next`
};

/// What has been done about a claimed mark.
struct ArrivalProgress {
    TimePoint arrived; ///< the mark's mtime: another one is another arrival, and nothing is done
    bool is_listed = false; ///< its line in incoming.txt, or its number of images, is right
    Retry retry;
    /// Streams that match, by name; nothing: not looked at yet.
    std::optional<std::map<std::string, StreamProgress>> streams;
};

/// `.arrived/.state/<32 hex digits of SHA-256(mark)>.json`, only for marks that are not handled at
/// once.
///
/// .work/X  .state/X
///    +        -      nothing done yet
///    +        +      as the state says, if it is of this arrival
///    -        +      .failed/X or .arrived/X is there: given up, or to be tried again; else handled, and
///                    the state is removed by the next start
class ProgressFiles {
public:
    explicit ProgressFiles(std::filesystem::path directory);

    /// A fresh one if there is none of that arrival, or none that can be read.
    [[nodiscard]] ArrivalProgress load(const std::string& mark, TimePoint arrived) const;
    /// At once, for a killed process, but not durably: what a power failure takes is done again.
    void store(const std::string& mark, const ArrivalProgress& progress) const;
    void remove(const std::string& mark) const;
    /// Removes the states of marks that are not in `marks`.
    void keep_only(const std::set<std::string>& marks) const;

private:
    [[nodiscard]] std::filesystem::path path_of(const std::string& mark) const;

    std::filesystem::path m_directory;
};

} // namespace fiona::ingest
