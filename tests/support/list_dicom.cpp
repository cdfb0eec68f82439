// SPDX-License-Identifier: MIT
//
// list-dicom DIR [--identity DIRECTORY]
// One line per file below DIR, tab-separated: path, tag of the study, of the series, of the SOP
// instance, of the patient; or path, `-`, and why it is no readable DICOM. Tags are those of the logs,
// so that scripts can join inputs with what became of them without handling identities.
// --identity writes, for leak-scan, one JSON file per study (named by its tag) with the identifying
// values of its files, and all.json with those that cannot be anything else, for logs: a patient
// called HEAD or PHANTOM says nothing about other studies.

#include "libfiona/anonymize/fold.h"
#include "libfiona/anonymize/vocabulary.h"
#include "libfiona/base/error.h"
#include "libfiona/base/json.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/dicom/header.h"
#include "libfiona/dicom/library.h"
#include "libfiona/store/atomic_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <map>
#include <set>
#include <vector>

namespace {

namespace fs = std::filesystem;
using fiona::dicom::Header;
using fiona::dicom::Tag;

constexpr Tag sop_instance_uid{0x0008, 0x0018};
constexpr Tag accession_number{0x0008, 0x0050};
constexpr Tag institution_name{0x0008, 0x0080};
constexpr Tag patient_name{0x0010, 0x0010};
constexpr Tag patient_id{0x0010, 0x0020};
constexpr Tag birth_date{0x0010, 0x0030};
constexpr Tag study_uid{0x0020, 0x000d};
constexpr Tag series_uid{0x0020, 0x000e};

/// A value so short, or so common a word, occurs in any image by chance and identifies nobody.
bool identifies(const std::string& value, std::size_t min_length)
{
    // DCMTK writes its maker into the meta header of everything that the demo's PACS stores; phantoms
    // are called TEST, which other words hold (testis).
    return value.size() >= min_length && value != "OFFIS" && value != "TEST"
           && value.find_first_not_of("0 *.-") != std::string::npos;
}

using Identity = std::map<std::string, std::set<std::string>>; ///< kind -> values

bool is_word_of_the_trade(const std::string& text)
{
    return fiona::anonymize::is_trade_word(fiona::anonymize::fold_text(text));
}

void collect(const Header& header, Identity& identity)
{
    const auto add = [&](const char* kind, const std::string& value, std::size_t min_length) {
        const std::string text{fiona::trimmed(value)};
        if (identifies(text, min_length) && !is_word_of_the_trade(text)) {
            identity[kind].insert(text);
        }
    };
    auto name = header.text(patient_name);
    std::ranges::replace_if(
        name, [](char c) { return c == '^' || c == '=' || c == ','; }, ' ');
    for (const auto part : fiona::split(name, ' ')) {
        add("patient name", std::string{part}, 4);
    }
    add("patient id", header.text(patient_id), 5);
    add("accession number", header.text(accession_number), 5);
    add("institution", header.text(institution_name), 5);
    add("birth date", header.text(birth_date), 8);
    for (const auto tag : {study_uid, series_uid, sop_instance_uid}) {
        const auto uid = header.text(tag);
        if (!uid.starts_with(
                "1.2.840.10008.")) { // of the standard: wrong as an instance, but public
            add("uid", uid, 12);
        }
    }
}

/// Long, with digits: no word, and not found by chance.
bool is_certain(const std::string& value)
{
    return value.size() >= 8 && value.find_first_of("0123456789") != std::string::npos;
}

void write_identity(const fs::path& file, const Identity& identity)
{
    fiona::json::Object kinds;
    for (const auto& [kind, values] : identity) {
        kinds[kind] = fiona::json::Array{values.begin(), values.end()};
    }
    fiona::store::write_file(file, fiona::json::write(kinds, fiona::json::Style::pretty), 0600);
}

std::string describe(const Header& header)
{
    const auto tag = [&](Tag which) { return fiona::log::uid_tag(header.text(which)); };
    return fmt::format("{}\t{}\t{}\t{}", tag(study_uid), tag(series_uid), tag(sop_instance_uid),
                       tag(patient_id));
}

} // namespace

int main(int argc, char** argv)
{
    const std::vector<std::string> arguments{argv + 1, argv + argc};
    if (arguments.empty()) {
        fmt::print(stderr, "usage: list-dicom DIR [--identity DIRECTORY]\n");
        return 64;
    }
    const fiona::dicom::Library library;
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator{
             arguments[0], fs::directory_options::follow_directory_symlink}) {
        if (entry.is_regular_file()) {
            files.push_back(entry.path());
        }
    }
    std::ranges::sort(files);
    std::map<std::string, Identity> identities; // by tag of the study
    for (const auto& file : files) {
        try {
            const auto header = Header::read(file);
            collect(header, identities[fiona::log::uid_tag(header.text(study_uid))]);
            fmt::print("{}\t{}\n", file.native(), describe(header));
        } catch (const fiona::Error& e) {
            fmt::print("{}\t-\t{}\n", file.native(), e.what());
        }
    }
    if (arguments.size() == 3 && arguments[1] == "--identity") {
        const fs::path directory{arguments[2]};
        fs::create_directories(directory);
        Identity certain;
        for (const auto& [tag, identity] : identities) {
            write_identity(directory / (tag.substr(1) + ".json"), identity);
            for (const auto& [kind, values] : identity) {
                std::ranges::copy_if(values, std::inserter(certain[kind], certain[kind].end()),
                                     is_certain);
            }
        }
        write_identity(directory / "all.json", certain);
    }
    return 0;
}
