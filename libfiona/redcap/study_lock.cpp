// SPDX-License-Identifier: MIT
#include "libfiona/redcap/study_lock.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/files.h"

#include <algorithm>

namespace fiona::redcap {

StudyLocks::StudyLocks(const std::filesystem::path& directory, std::vector<StudyUid> studies,
                       std::chrono::milliseconds patience)
{
    make_directories(directory);
    std::ranges::sort(studies);
    studies.erase(std::unique(studies.begin(), studies.end()), studies.end());
    m_locks.reserve(studies.size());
    for (const auto& study : studies) {
        m_locks.emplace_back(directory / (sha256_hex(study.str()) + ".lock"), patience);
    }
}

} // namespace fiona::redcap
