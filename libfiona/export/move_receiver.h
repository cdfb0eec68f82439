// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/export/settings.h"

#include <filesystem>
#include <optional>

namespace fiona::exports {

/// A receiver for the length of a C-MOVE: fiona-storescp on a small site of its own below
/// `<work>/tmp_receiver/`, open to the research PACS only. One at a time.
///
/// .lock  pid file's lock
///   +          +          in use
///   -          +          of a dead owner: the next one stops it
///   -          -          nothing
class MoveReceiver {
public:
    /// Throws Error: Fault::temporary if another job uses it, or the port is taken.
    explicit MoveReceiver(const ExportSettings& settings);
    MoveReceiver(const MoveReceiver&) = delete;
    MoveReceiver& operator=(const MoveReceiver&) = delete;
    ~MoveReceiver();

    /// Moves what came of the study to `directory`.
    void hand_over(const StudyUid& study, const std::filesystem::path& directory) const;

private:
    std::filesystem::path m_root;
    std::optional<FileLock> m_lock;
    std::optional<Config> m_config;
};

} // namespace fiona::exports
