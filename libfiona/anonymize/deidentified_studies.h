// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/kept_mapping.h"
#include "libfiona/base/ids.h"
#include "libfiona/redcap/mapped_uids.h"

#include <filesystem>
#include <functional>
#include <optional>

namespace fiona::anonymize {

/// The studies that this site has de-identified, by their new UIDs: those whose mapping is kept, and those
/// that INCOMING has for a transfer. A UID by itself says nothing, for everybody may make one below 2.25.
/// (PS3.5 §B.2); neither does a header that claims it.
class DeidentifiedStudies {
public:
    using ReadIncoming = std::function<redcap::MappedUids()>;
    DeidentifiedStudies(const std::filesystem::path& keys, ReadIncoming read_incoming);

    /// INCOMING is read once, and only for a study without a kept mapping. Throws what that throws.
    [[nodiscard]] bool knows(const StudyUid& study);

private:
    KeptMappings m_kept;
    ReadIncoming m_read_incoming;
    std::optional<redcap::MappedUids> m_incoming;
};

} // namespace fiona::anonymize
