// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/json.h"
#include "libfiona/site/layout.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/study_tree.h"
#include "tests/support/temp_dir.h"

#include <filesystem>
#include <string>

/// One object of no content in the archive.
inline std::filesystem::path receive_object(const fiona::Paths& paths, const std::string& study,
                                            const std::string& sop)
{
    const auto directory = paths.archive() / ("scp_" + study);
    std::filesystem::create_directories(directory);
    fiona::store::write_file(directory / ("MR." + sop), "no image");
    return directory / ("MR." + sop);
}

/// Receives and sorts one object; `more` are further keys of the series JSON.
inline void sort_object(const fiona::Paths& paths, const std::string& study,
                        const std::string& series, const std::string& sop,
                        const fiona::json::Object& more = {})
{
    using namespace fiona;
    const store::StudyTree tree{paths};
    const StudyUid study_uid{study};
    const SeriesUid series_uid{series};
    tree.link_instance(study_uid, series_uid, SopInstanceUid{sop},
                       receive_object(paths, study, sop));
    json::Object properties{{"StudyInstanceUID", study},
                            {"SeriesInstanceUID", series},
                            {"Modality", json::Array{"MR"}},
                            {"PatientID", "TESTID001"},
                            {"PatientName", "DOE^JANE"},
                            {"StudyDescription", "MR BRAIN"},
                            {"StudyDate", "20240102"},
                            {"AccessionNumber", "ACC0000123"},
                            {"NumFiles", "1"}};
    for (const auto& [key, value] : more) {
        properties.insert_or_assign(key, value);
    }
    store::SeriesJsonUpdate update{tree, study_uid, series_uid};
    update.replace(properties);
}

/// A site's directories, and objects in them.
class SortedSite {
public:
    SortedSite() : paths{fiona::site::paths_below(root.path)}
    {
        for (const auto& directory : fiona::site::directories(paths)) {
            std::filesystem::create_directories(directory.path);
        }
    }

    void receive(const std::string& study, const std::string& sop) const
    {
        receive_object(paths, study, sop);
    }
    void sort(const std::string& study, const std::string& series, const std::string& sop,
              const fiona::json::Object& more = {}) const
    {
        sort_object(paths, study, series, sop, more);
    }

    TempDir root;
    fiona::Paths paths;
};
