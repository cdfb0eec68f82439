// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/settings.h"
#include "libfiona/base/json.h"
#include "libfiona/base/mode.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

/// De-identification of a set of files that belong together (one study, or a directory). Two
/// passes: the first reads every header and collects the identity dictionary, the second writes
/// and verifies each file. Fails closed: a file that is not proven clean is not written.
namespace fiona::anonymize {

enum class Verdict {
    written, ///< de-identified, re-read, nothing found (also: equal to an input written already)
    refused, ///< no DICOM, a kind of object the policy refuses (encapsulated documents, raw data)
    leaked,  ///< verification found an identifying value: the output was removed
};

struct FileReport {
    std::filesystem::path input;
    std::filesystem::path output; ///< empty unless written
    Verdict verdict = Verdict::refused;
    std::string reason; ///< for people: tag and kind of finding, never a value
    std::string new_study, new_series, new_sop;
    std::uint64_t bytes = 0;
    std::size_t number = 0; ///< 1-based, of the input: what may be told of it instead of its path
    std::string input_sha256, output_sha256; ///< with Settings::digests
};

/// What a dry run would do with the elements of one path, over all files. No values.
struct PlannedChange {
    std::string path;   ///< "0040,0275>0008,0050"
    std::string vr;     ///< as in the files
    std::string action; ///< word of the profile
    std::string reason;
    std::size_t files = 0;      ///< occurrences
    std::size_t max_values = 0; ///< VM
    std::size_t max_bytes = 0;
};

struct Report {
    std::vector<FileReport>
        files; ///< in order of the input; in a dry run `written` means: would be
    std::vector<PlannedChange> plan;      ///< of a dry run, sorted by path
    std::vector<std::string> new_studies; ///< distinct new StudyInstanceUIDs, sorted
    json::Value summary; ///< counts of actions, profile digest, scheme, tool version; no identity

    [[nodiscard]] std::size_t count(Verdict verdict) const;
};

/// Output names: `<output>/[<new SeriesUID>/]<Modality>.<new SOPInstanceUID>.dcm`; nothing of the
/// input's names. `output` must be empty or new. Memory does not grow with pixel data.
/// Throws Error for what concerns the whole set: profile, key, output directory, full disk.
[[nodiscard]] Report anonymize_files(const std::vector<std::filesystem::path>& inputs,
                                     const std::filesystem::path& output, const Settings& settings,
                                     Mode mode = Mode::apply);

} // namespace fiona::anonymize
