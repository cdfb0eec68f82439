// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/date_shift.h"
#include "libfiona/anonymize/uid_map.h"
#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/private.h"
#include "libfiona/wsi/dicom_slide.h"
#include "libfiona/wsi/upload.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fiona::wsi {

/// What a slide is called in the research world, by the scheme, the key and the date rule of its project: the
/// same at every try.
class SlideIdentity {
public:
    /// `image_sha256` stands for patho_slide_id where the upload has none. Throws Error{Fault::config} if the
    /// project's key is lost or was destroyed; a new project's key is made.
    SlideIdentity(const Config& config, const Upload& upload, const std::string& image_sha256);

    /// One study and one series for each slide: StudyID and StudyDescription are those of a slide.
    [[nodiscard]] SlideUids uids() const;
    /// 16 hex digits by the project's key, whatever its UID scheme; "" for "".
    [[nodiscard]] std::string device(const Private<std::string>& scanner) const;
    /// In the form it has in the slide (MM/DD/YY, YYYY:MM:DD and the like), moved; "" if it is no date.
    [[nodiscard]] std::string moved(const Private<std::string>& scan_date) const;
    /// DT without zone: the moved day at midnight, or `begun` in local time if the slide has no date.
    [[nodiscard]] std::string date_time(const Private<std::string>& scan_date,
                                        TimePoint begun) const;

private:
    struct Rules;
    static Rules rules_of(const Config& config, const ProjectName& project);
    SlideIdentity(Rules rules, const Upload& upload, const std::string& image_sha256);

    [[nodiscard]] std::string source(std::string_view what) const;

    std::string m_project;
    std::string m_slide; ///< digest of what tells this slide from others
    std::vector<std::byte> m_key;
    anonymize::DateMover m_dates;
    std::shared_ptr<anonymize::UidMap> m_uids;
};

} // namespace fiona::wsi
