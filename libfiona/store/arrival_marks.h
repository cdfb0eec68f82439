// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/ids.h"

#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace fiona::store {

/// One empty file in `<site>/.arrived/`: its name says what arrived, its mtime when last.
/// `<caller> <called> <host> scp_<StudyUID>` (study, written by the receiver and again by the
/// processor) or `<caller> <called> <host> <StudyUID> <SeriesUID>` (series, by the processor).
/// Blanks, `/`, `%` and control characters inside a field are percent-encoded; names of the
/// original with blanks in AE titles are read from the right.
struct ArrivalMark {
    std::string caller;
    std::string called;
    std::string host;
    StudyUid study;
    std::optional<SeriesUid> series; ///< nothing: a study mark

    [[nodiscard]] std::string file_name() const;
    /// Nothing if the name is not one of ours or the original's.
    [[nodiscard]] static std::optional<ArrivalMark> parse(std::string_view file_name);
};

/// .arrived/X  .work/X  .failed/X
///     +          -         -      arriving, or quiet and not yet noticed
///     -          +         -      claimed by fiona-detect-arrival, which repeats what fails, and after
///                                 a crash goes on with it
///     +          +         -      claimed, and a later object arrived: the next claim replaces .work/X
///     *          *         +      given up; `fiona-detect-arrival --retry-failed` moves X back to
///                                 .arrived/, and a later arrival that is handled removes it
///     -          -         -      handled
///
/// `.state/` holds what has been done about claimed marks (ingest/arrival_progress.h).
/// `.open/<association>` holds the study UIDs (one a line) of an association that is still open.
/// Its file name starts with the pid of the receiver's child; a file of a dead pid means nothing.
class ArrivalMarks {
public:
    /// Makes the directories if they are missing.
    explicit ArrivalMarks(std::filesystem::path directory);

    /// Creates the mark, or sets its mtime to now.
    void touch(const ArrivalMark& mark) const;

    struct Found {
        std::string name;
        ArrivalMark mark;
        TimePoint last_arrival;
    };
    /// All marks now in the directory; names that cannot be read are left out.
    [[nodiscard]] std::vector<Found> all() const;
    /// Gives a mark another time; nothing if it is gone.
    void date(const std::string& name, TimePoint last_arrival) const;
    /// Moves names that cannot be read, last changed before `limit`, to .failed/; returns how many.
    // NOLINTNEXTLINE(modernize-use-nodiscard) called for its effect
    std::size_t set_strangers_aside(TimePoint limit) const;
    /// Takes it by rename to .work/; false if somebody else did.
    [[nodiscard]] bool claim(const std::string& name) const;
    /// Names in .work/, in no order.
    [[nodiscard]] std::vector<std::string> claimed() const;
    /// When the last object of a claimed mark came: rename(2) keeps the mtime. Nothing if it is gone.
    [[nodiscard]] std::optional<TimePoint> arrival_of(const std::string& name) const;
    /// Handled; also what was given up for an earlier arrival goes.
    void finish(const std::string& name) const;
    void fail(const std::string& name) const;
    /// Names in .failed/, in no order.
    [[nodiscard]] std::vector<std::string> failed() const;
    /// Back to .arrived/; where a later arrival is there already it covers this one.
    void retry(const std::string& name) const;

    /// Notes that `association` (of the calling process) has stored objects of `study`.
    void open_association(const std::string& association, const StudyUid& study) const;
    void close_association(const std::string& association) const;
    /// Whether an association of a living process has stored objects of `study`.
    [[nodiscard]] bool has_open_association(const StudyUid& study) const;

    [[nodiscard]] const std::filesystem::path& directory() const { return m_directory; }

private:
    std::filesystem::path m_directory;
};

/// To the nanosecond.
[[nodiscard]] TimePoint modification_time(const struct stat& status);

} // namespace fiona::store
