// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/file_lock.h"
#include "libfiona/base/ids.h"

#include <chrono>
#include <filesystem>
#include <vector>

namespace fiona::redcap {

/// The exclusive right of one process to choose instance numbers in INCOMING records:
/// `<locks>/<SHA-256 of the StudyInstanceUID>.lock`, one for each study, taken in the order of the
/// UIDs so that two processes cannot wait for each other. Throws Error{Fault::temporary} if another
/// process keeps one for longer than `patience`.
class StudyLocks {
public:
    StudyLocks(const std::filesystem::path& directory, std::vector<StudyUid> studies,
               std::chrono::milliseconds patience = std::chrono::seconds{30});

private:
    std::vector<FileLock> m_locks;
};

} // namespace fiona::redcap
