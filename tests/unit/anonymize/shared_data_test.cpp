// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/engine.h"
#include "libfiona/anonymize/fold.h"
#include "libfiona/anonymize/vocabulary.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/text.h"
#include "libfiona/dicom/prescan.h"
#include "tests/support/phantom_file.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <map>

// Real files of many makers: nothing that identifies the patient of a file may be in the bytes of
// its output, the pixels must be the same, and what is refused has a reason.

using namespace fiona;
using namespace fiona::anonymize;
namespace fs = std::filesystem;

namespace {

std::string header_of(const fs::path& file)
{
    const auto scan = dicom::prescan_file(file);
    return phantom::slurp(file).substr(0, scan.pixel_data_offset.value_or(scan.file_bytes));
}

/// What must not be in the output, folded: parts of the name of four letters and more, numbers of
/// five characters and more. Words of the trade (a phantom called HEAD) are no names.
std::vector<std::string> identifiers_of(const json::Value& entry)
{
    std::vector<std::string> found;
    std::string name = fold_text(entry.text("patient_name"));
    for (auto& c : name) {
        c = std::string_view{"^=,- "}.find(c) != std::string_view::npos ? ' ' : c;
    }
    for (const auto part : split(name, ' ')) {
        if (part.size() >= 4 && !is_trade_word(part)) {
            found.emplace_back(part);
        }
    }
    for (const auto* const key :
         {"patient_id", "birth_date", "study_uid", "series_uid", "sop_uid"}) {
        const auto value = fold_text(entry.text(key));
        if (value.size() >= 5 && !is_trade_word(value) && !value.starts_with("1.2.840.10008.")) {
            found.push_back(value);
        }
    }
    return found;
}

/// Whether it stands there as a word: "test" is not in "testis".
bool stands_in(const std::string& folded, const std::string& word)
{
    const auto is_word = [](char c) { return is_word_letter(c) || is_digit(c); };
    for (auto at = folded.find(word); at != std::string::npos; at = folded.find(word, at + 1)) {
        const bool left = at == 0 || !is_word(folded[at - 1]);
        const auto end = at + word.size();
        const bool right = end == folded.size() || !is_word(folded[end]);
        if (word.size() >= 6 || (left && right)) {
            return true;
        }
    }
    return false;
}

} // namespace

TEST_CASE("no identity of the shared test data survives")
{
    const auto data = shared_data();
    if (!data) {
        return;
    }
    const auto manifest = json::parse(read_file(*data / "manifest.json"), "manifest");
    std::map<std::string, std::vector<const json::Value*>> groups; // files that lie together
    for (const auto& entry : manifest.find("files")->array()) {
        if (entry.text("kind") == "dicom") {
            groups[fs::path{entry.text("path")}.parent_path()].push_back(&entry);
        }
    }
    std::size_t written = 0;
    std::size_t leaked = 0;
    for (const auto& [group, entries] : groups) {
        const TempDir root;
        std::vector<fs::path> files;
        for (const auto* const entry : entries) {
            files.push_back(*data / entry->text("path"));
        }

        const auto report = anonymize_files(files, root / "out", phantom::settings(root.path));

        for (std::size_t i = 0; i < files.size(); ++i) {
            const auto& file = report.files[i];
            leaked += file.verdict == Verdict::leaked ? 1U : 0U;
            if (file.verdict != Verdict::written) {
                CHECK_FALSE(file.reason.empty());
                continue;
            }
            ++written;
            const auto header = header_of(file.output);
            const auto as_utf8 = fold(header).text;
            const auto as_latin1 = fold(header, Reading::latin1).text;
            for (const auto& identifier : identifiers_of(*entries[i])) {
                CAPTURE(files[i].native(), identifier);
                CHECK_FALSE(stands_in(as_utf8, identifier));
                CHECK_FALSE(stands_in(as_latin1, identifier));
            }
        }
    }
    CHECK(written > 550);
    CHECK(leaked == 0);
}
