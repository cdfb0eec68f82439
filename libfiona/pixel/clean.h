// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"
#include "libfiona/base/private.h"
#include "libfiona/pixel/gray.h"
#include "libfiona/pixel/regions.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

/// Burned-in text: found in every frame, painted over in the stored samples, and said so in the
/// header. Fails closed: a file that cannot be decoded or looked at, or about which the detector is
/// not sure, is not written.
namespace fiona::pixel {

enum class Search {
    detect, ///< the detector alone: fast, knows no letters
    ocr,    ///< Tesseract alone
    both,   ///< the detector, and Tesseract where it is not sure
};
enum class Hide {
    all,   ///< every text
    known, ///< text that resembles an identifier of this study, and what cannot be read
};

struct CleanOptions {
    Search search = Search::both;
    Hide hide = Hide::all;
    int least_confidence = 0; ///< 0..100: found with less, it stays
    /// Names, ids and dates besides those in the file's own header; for Hide::known.
    Private<std::vector<std::string>> identity{std::vector<std::string>{}};
    /// Words that may stay when Tesseract reads them without doubt: markers of sides and the like.
    std::vector<std::string> safe_words{"A", "P", "I", "L", "R", "H", "F", "S"};
    std::vector<RegionRule> regions;
    std::string languages = "eng+nor"; ///< those that are not installed are left out
    /// Processor time that an image may take in any case; large ones get more. Then it is refused.
    std::chrono::seconds patience{120};
    /// A contact sheet for each file, <name of the output>.png, into this directory. It shows what was
    /// hidden: to be kept like the original.
    std::optional<std::filesystem::path> preview;
};

enum class Verdict {
    unchanged, ///< looked at, nothing to hide
    masked,
    held,    ///< the detector is not sure: a person must look; nothing was written
    refused, ///< no DICOM image, not decodable, not supported; nothing was written
};
[[nodiscard]] std::string_view word_of(Verdict verdict);

struct MaskedBox {
    Box box;
    int confidence = 0; ///< 0..100
};

/// Equal boxes in frames first..last, counted from 1 as PS3.3 does.
struct FrameMasks {
    std::uint32_t first = 1;
    std::uint32_t last = 1;
    std::vector<MaskedBox> boxes;
};

/// What was done with one file. Holds no text that was found and no value of the header.
struct CleanReport {
    Verdict verdict = Verdict::refused;
    std::string reason; ///< of held and refused ones; for people
    std::uint32_t frames = 0;
    std::uint32_t columns = 0;
    std::uint32_t rows = 0;
    std::vector<FrameMasks> masks;
    double masked_share = 0; ///< of the area of all frames, 0..1
    bool was_read = false;   ///< Tesseract was asked about some part
    std::string from_syntax; ///< transfer syntaxes
    std::string to_syntax;

    [[nodiscard]] json::Value to_json() const;
    [[nodiscard]] static CleanReport from_json(const json::Value& value);
};

/// Looks for text in the image `input` and writes it without into `output`, which appears complete
/// or not at all. Samples outside of the boxes are those of the input (decoded, if it was
/// compressed with loss); a file without findings keeps its pixel data byte for byte. Overlays,
/// curves and icons are removed.
///
/// The work is done in a limited child process (limited_child.h); this process must have one thread.
/// Throws only for what concerns the machine or the options: disk, languages missing.
[[nodiscard]] CleanReport clean_pixels(const std::filesystem::path& input,
                                       const std::filesystem::path& output,
                                       const CleanOptions& options);

struct CleanJob {
    std::filesystem::path input;
    std::filesystem::path output;
};
/// The same for many files, up to `at_once` children at a time. `done` hears of each as it ends.
void clean_files(const std::vector<CleanJob>& jobs, const CleanOptions& options, unsigned at_once,
                 const std::function<void(std::size_t index, const CleanReport& report)>& done);

} // namespace fiona::pixel
