// SPDX-License-Identifier: MIT
#include "libfiona/routing/coupling_file.h"

#include "libfiona/base/csv.h"
#include "libfiona/base/error.h"
#include "libfiona/base/text.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>

namespace fiona::routing {

namespace {

constexpr std::string_view what = "coupling list";
constexpr std::size_t max_bytes = std::size_t{16} << 20U;
constexpr std::size_t max_lines = 100'000;
constexpr std::size_t longest_accession = 16; // PS3.5 §6.2, SH
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

enum Column : std::size_t { accession, study, project, subject, event, columns };
constexpr std::array<std::string_view, columns> names{"accessionnumber", "studyinstanceuid",
                                                      "projectname", "subjectid", "eventname"};

using Places = std::array<std::optional<std::size_t>, columns>;

char delimiter_of(std::string_view text)
{
    const auto header = text.substr(0, text.find_first_of("\r\n"));
    char best = ',';
    for (const char candidate : {',', ';', '\t'}) {
        if (std::ranges::count(header, candidate) > std::ranges::count(header, best)) {
            best = candidate;
        }
    }
    return best;
}

std::string plain(std::string_view name)
{
    auto text = lower_case(name);
    std::erase_if(text, [](char c) { return c == ' ' || c == '_' || c == '\t'; });
    return text;
}

Places header_places(const std::vector<std::string>& header,
                     const std::optional<ProjectName>& only_project)
{
    Places places;
    for (std::size_t i = 0; i < header.size(); ++i) {
        const auto column = static_cast<std::size_t>(
            std::distance(names.begin(), std::ranges::find(names, plain(header[i]))));
        if (column == columns) {
            // Perhaps a misspelled EventName: to leave it out would send studies to no event.
            throw Error{Fault::data,
                        "{}: column {} has an unknown name; there are AccessionNumber, "
                        "StudyInstanceUID, ProjectName, SubjectID, EventName",
                        what, i + 1};
        }
        auto& place = places.at(column);
        if (place) {
            throw Error{Fault::data, "{}: column {} is there twice", what, names.at(column)};
        }
        place = i;
    }
    if (!places[accession] && !places[study]) {
        throw Error{Fault::data, "{}: it has no column AccessionNumber or StudyInstanceUID", what};
    }
    if (!places[subject]) {
        throw Error{Fault::data, "{}: it has no column SubjectID", what};
    }
    if (!places[project] && !only_project) {
        throw Error{Fault::data, "{}: it has no column ProjectName, and --project is not given",
                    what};
    }
    return places;
}

/// Throws Error{Fault::data} without the value.
void check_accession(const std::string& number)
{
    if (number.size() > longest_accession) {
        throw Error{Fault::data, "the accession number has more than {} characters",
                    longest_accession};
    }
    const bool is_bad = std::ranges::any_of(
        number, [](char c) { return c == '\\' || static_cast<unsigned char>(c) < 0x20U; });
    if (is_bad) {
        throw Error{Fault::data, "the accession number has a character that none can have"};
    }
}

/// The list goes into REDCap and from there into spreadsheets, which would calculate. Throws
/// Error{Fault::data} without the value.
void check_no_formula(std::string_view cell)
{
    constexpr std::string_view begins_formula = "=+-@";
    if (!cell.empty() && begins_formula.find(cell.front()) != std::string_view::npos) {
        throw Error{Fault::data, "a cell begins like a formula of a spreadsheet"};
    }
}

CouplingRow checked_row(const std::vector<std::string>& cells, const Places& places,
                        const std::optional<ProjectName>& only_project)
{
    const auto cell = [&](Column column) {
        return places.at(column) ? std::string{trimmed(cells[*places.at(column)])} : std::string{};
    };
    CouplingRow row;
    row.accession = Private{cell(accession)};
    row.study = cell(study);
    row.project = cell(project);
    row.participant = cell(subject);
    row.event = cell(event);
    for (const auto column : {accession, study, project, subject, event}) {
        check_no_formula(cell(column));
    }
    if (row.accession.reveal().empty() && row.study.empty()) {
        throw Error{Fault::data, "neither an accession number nor a study UID"};
    }
    check_accession(row.accession.reveal());
    if (!row.study.empty()) {
        static_cast<void>(StudyUid{row.study});
    }
    if (row.project.empty() && only_project) {
        row.project = only_project->str();
    }
    static_cast<void>(ProjectName{row.project});
    if (only_project && row.project != only_project->str()) {
        throw Error{Fault::data, "another project than --project says"};
    }
    static_cast<void>(ParticipantId{row.participant});
    if (!row.event.empty()) {
        static_cast<void>(EventName{row.event});
    }
    return row;
}

/// Studies that earlier lines name, by accession number or UID, each with its project.
class Seen {
public:
    void add(const CouplingRow& row)
    {
        const bool is_new_number =
            row.accession.reveal().empty()
            || m_numbers.insert({row.accession.reveal(), row.project}).second;
        const bool is_new_study =
            row.study.empty() || m_studies.insert({row.study, row.project}).second;
        if (!is_new_number || !is_new_study) {
            throw Error{Fault::data, "an earlier line has the same study for the same project"};
        }
    }

private:
    std::set<std::pair<std::string, std::string>> m_numbers, m_studies;
};

} // namespace

CouplingFile read_coupling_file(std::string_view text, const std::optional<ProjectName>& project)
{
    if (text.starts_with(byte_order_mark)) {
        text.remove_prefix(byte_order_mark.size());
    }
    const auto rows = csv::parse_numbered(
        text, delimiter_of(text), what, {.max_bytes = max_bytes, .max_cells = max_lines * columns});
    if (rows.empty()) {
        throw Error{Fault::data, "{}: it is empty", what};
    }
    const auto& header = rows.front().cells;
    const auto places = header_places(header, project);
    CouplingFile file;
    Seen seen;
    for (auto row = rows.begin() + 1; row != rows.end(); ++row) {
        if (std::ranges::all_of(row->cells,
                                [](const auto& cell) { return trimmed(cell).empty(); })) {
            continue; // spreadsheets leave such lines behind
        }
        try {
            if (row->cells.size() != header.size()) {
                throw Error{Fault::data, "it has {} cells, the header {}", row->cells.size(),
                            header.size()};
            }
            auto coupled = checked_row(row->cells, places, project);
            seen.add(coupled);
            file.lines.push_back({row->line, std::move(coupled)});
        } catch (const Error& e) {
            file.bad.push_back({row->line, e.what()});
        }
    }
    return file;
}

} // namespace fiona::routing
