// SPDX-License-Identifier: MIT
#pragma once

#include "tests/support/leak_scan.h"
#include "tests/support/phantom_file.h"

#include <filesystem>
#include <set>
#include <string>
#include <vector>

/// Synthetic studies with a mark of its own in every place that may identify: each attribute of PS3.15
/// Table E.1-1 at the top level and three levels deep, private blocks, CSA headers, sixteen character
/// sets, UIDs, dates, preamble, meta header, overlays, curves, icons, structured reports, presentation
/// states, encapsulated documents, names of files and directories. And the answer key: what must be
/// gone, and what research needs and must have stayed.
namespace planted {

/// The kinds of check of the MIDI-B benchmark, by its names.
enum class Kind {
    tag_retained,
    text_notnull,
    text_retained,
    text_removed,
    date_shifted,
    uid_changed,
    uid_consistent,
    patid_consistent,
    pixels_hidden,
    pixels_retained,
};
[[nodiscard]] std::string_view name_of(Kind kind);

struct Check {
    Kind kind = Kind::tag_retained;
    std::size_t object = 0; ///< index into Corpus::objects
    std::string path;       ///< "0054,0016>0018,0050": first items only; "" for the whole file
    std::string value;      ///< of the original: text, date, UID, bytes
};

struct Object {
    std::filesystem::path file;
    std::string instance; ///< original SOPInstanceUID
    std::string pixels;   ///< pixel data element as in the file; empty: has none
    bool must_be_refused = false;
};

struct Corpus {
    std::vector<Object> objects;
    std::vector<Check> key;
    Identity marks;                   ///< kind of place -> marks, UTF-8
    std::vector<std::string> encoded; ///< marks as bytes of their character sets
};

/// Writes all files below `directory`, whose own names hold marks too.
[[nodiscard]] Corpus make_corpus(const std::filesystem::path& directory);

/// A pronounceable word that is in no language and no vocabulary: nine letters, one for each number.
[[nodiscard]] std::string mark(unsigned number);

/// PDF 1.4, uncompressed: one page with one line of text; metadata only if there is an author.
[[nodiscard]] std::string pdf(const std::string& line, const std::string& author);

/// Collects objects, marks and checks. One for a corpus.
class Planter {
public:
    explicit Planter(std::filesystem::path directory) : m_directory{std::move(directory)} {}

    /// A new mark of kind `where`, for a text.
    [[nodiscard]] std::string word(const std::string& where);
    [[nodiscard]] std::string uid(const std::string& where);
    [[nodiscard]] std::string date(const std::string& where); ///< DA
    [[nodiscard]] unsigned next() { return ++m_number; }
    void note(const std::string& where, const std::string& mark);
    void note_encoded(std::string bytes) { m_corpus.encoded.push_back(std::move(bytes)); }
    void check(Kind kind, std::string path, std::string value);

    /// Writes the object; the checks noted since the last one are its.
    void add(const phantom::Item& root, phantom::Syntax syntax, bool with_pixels = true);
    void refuse_last() { m_corpus.objects.back().must_be_refused = true; }

    [[nodiscard]] Corpus take() { return std::move(m_corpus); }

private:
    std::filesystem::path m_directory;
    Corpus m_corpus;
    std::vector<Check> m_pending;
    unsigned m_number = 0;
};

/// Identity of the patient and the study, the same in every object.
struct Person {
    std::string name, id, birth_date, accession, study_date, study;
};
[[nodiscard]] phantom::Item header(Planter& planter, const Person& person,
                                   std::string_view sop_class, std::string_view modality);

void add_table_objects(Planter& planter, const Person& person);
void add_charset_objects(Planter& planter, const Person& person);
void add_research_objects(Planter& planter, const Person& person);
void add_reports(Planter& planter, const Person& person);
void add_documents(Planter& planter, const Person& person);

} // namespace planted
