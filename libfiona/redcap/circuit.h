// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/redcap/client.h"

#include <filesystem>

namespace fiona::redcap {

/// Three runs in a row that got no answer open the circuit: then the tools of the crontab leave
/// REDCap alone, but for one of them that looks every five minutes.
///
///     redcap-failures  redcap.down
///            -              -       REDCap answers
///            +              -       the last one or two runs failed
///            +              +       open; redcap-failures says when somebody last looked
///            -              +       killed while closing it: the next look ends it
class Circuit {
public:
    /// Nothing is shared, and nothing ever open, if `state_dir` is empty.
    explicit Circuit(std::filesystem::path state_dir);

    /// REDCap answered. Cheap where nothing was wrong.
    void succeeded() const;
    /// A run ends because REDCap does not answer. One process counts once.
    void failed(TimePoint now) const;
    [[nodiscard]] bool is_open() const;
    /// True for one caller in five minutes: it shall look.
    [[nodiscard]] bool is_time_to_look(TimePoint now) const;

private:
    [[nodiscard]] std::filesystem::path failures() const { return m_directory / "redcap-failures"; }
    [[nodiscard]] std::filesystem::path down() const { return m_directory / "redcap.down"; }

    std::filesystem::path m_directory;
};

/// For the tools of the crontab: whether REDCap is known to be down, so that the run ends well with
/// the one log line that this writes. It looks for itself (`version`, with the token of `role`) when
/// it is time to.
[[nodiscard]] bool is_resting(const RedcapConfig& config, Role role, TimePoint now);

} // namespace fiona::redcap
