// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/ids.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace fiona::transfer {

/// What was done about one series that came back: `<processing>/state/returned/<SeriesInstanceUID>.json`.
/// UIDs of the research world only.
///
/// file  series
///  -     new, or killed in between: everything is sent, what is there already is a duplicate
///  +     each object that is listed needs nothing more, unless its file has changed; what is not listed
///        arrived later
class Handled {
public:
    Handled(const Paths& paths, const SeriesUid& series);

    /// Those of `objects` (links or files, named by their SOP instance UID) that are not listed as they
    /// are now.
    [[nodiscard]] std::vector<std::filesystem::path>
    news(const std::vector<std::filesystem::path>& objects) const;

    enum class Fate {
        sent,
        refused, ///< a person has to look; tried again only when something changes. A command that
                 ///< must still run for objects of before stays due
        command_failed, ///< sent, but the command behind it has still to succeed
    };
    [[nodiscard]] bool must_run_command() const { return m_must_run_command; }
    /// Lists `objects` and writes the file.
    void note(const std::vector<std::filesystem::path>& objects, Fate fate);

private:
    std::filesystem::path m_file;
    std::map<std::string, std::int64_t> m_objects; ///< SOP instance UID -> mtime in ns
    bool m_must_run_command = false;
};

} // namespace fiona::transfer
