// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace fiona::inventory {

/// Which studies the PACS did not have, and since when: `<processing>/state/not-in-ids7.tsv`, a line
/// `UID<tab>seconds since 1970` each, mode 0640. UIDs of the research world only.
///
/// line  PACS     row of REDCap
///  -     has it      +          nothing to do
///  -     not         +          first seen missing: a line is written
///  +     not         +          missing for so long: deleted if it is long enough
///  +     has it      +          it came back: the line goes
///  +     -           -          deleted: the line goes with the next run
class PruneMemory {
public:
    /// Throws Error{Fault::data} if the file is not of that form: a person has to look, or to remove it.
    explicit PruneMemory(std::filesystem::path file);

    [[nodiscard]] std::optional<TimePoint> missing_since(const std::string& study) const;
    void note_missing(const std::string& study, TimePoint now); ///< the first time counts
    void forget(const std::string& study);
    void keep_only(const std::set<std::string>& studies);
    /// Writes what has changed; the file appears whole or not at all.
    void save();

private:
    std::filesystem::path m_file;
    std::map<std::string, TimePoint> m_missing;
    bool m_is_changed = false;
};

} // namespace fiona::inventory
