// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/deidentified_studies.h"

#include <utility>

namespace fiona::anonymize {

DeidentifiedStudies::DeidentifiedStudies(const std::filesystem::path& keys,
                                         ReadIncoming read_incoming)
    : m_kept{keys}, m_read_incoming{std::move(read_incoming)}
{
}

bool DeidentifiedStudies::knows(const StudyUid& study)
{
    if (m_kept.has(study)) {
        return true;
    }
    if (!m_incoming) {
        m_incoming = m_read_incoming();
    }
    return m_incoming->find(study) != nullptr;
}

} // namespace fiona::anonymize
