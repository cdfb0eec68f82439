// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/ids.h"

#include <filesystem>
#include <string>
#include <vector>

/// The folders that a container sees, as the program `ror` makes them:
///
///     FOLDER/input/<Modality>_<%06d>.dcm     copies of the chosen series
///     FOLDER/input_view_dicom_series/<PatientID>_<PatientName>/<StudyDate>_<StudyTime>/
///            <SeriesNumber>_<SeriesDescription>/    links to them
///     FOLDER/descr.json                      an array, one object for each series
///     FOLDER_output/log/                     stdout.log, stderr.log, exit.json
///
/// They hold what the headers hold: they lie below the site and never leave it.
namespace fiona::jobs {

struct InputSeries {
    std::string name; ///< of the clause that chose it
    StudyUid study;
    SeriesUid series;
    std::vector<std::filesystem::path> files; ///< at least one
    std::vector<std::string> types;           ///< ClassifyType
    std::filesystem::path source;             ///< directory of the series
};

/// `datajob_<number>_<image>_<id>`, safe as a file name whatever the image is called.
[[nodiscard]] std::string folder_name(const std::string& number, const std::string& image,
                                      const std::string& id);
[[nodiscard]] std::filesystem::path output_of(const std::filesystem::path& folder);

/// Makes both anew; what was there before is removed. Throws Error{Fault::data} if there is no series
/// or a file is no DICOM file.
void make_ror_folder(const std::filesystem::path& folder, const std::vector<InputSeries>& input);

} // namespace fiona::jobs
