// SPDX-License-Identifier: MIT
#include "libfiona/jobs/output_check.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/json.h"
#include "libfiona/base/number.h"
#include "libfiona/base/text.h"
#include "libfiona/dicom/header.h"
#include "libfiona/dicom/prescan.h"
#include "libfiona/jobs/file_tree.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

namespace fiona::jobs {

namespace fs = std::filesystem;

namespace {

constexpr dicom::Tag patient_id{0x0010, 0x0020};

/// What stands beside the images by agreement, whatever is in it.
bool is_companion(const fs::path& path)
{
    const auto kind = lower_case(path.extension().native());
    return kind == ".json" || kind == ".log" || kind == ".zip";
}

/// PS3.10 §7.1.
bool is_part_10(int fd)
{
    constexpr off_t preamble = 128;
    std::array<char, 4> prefix{};
    const auto got = ::pread(fd, prefix.data(), prefix.size(), preamble);
    return got == static_cast<ssize_t>(prefix.size())
           && std::string_view{prefix.data(), prefix.size()} == "DICM";
}

struct Identity {
    dicom::Prescan uids;
    Private<std::string> participant;
};

Identity identity_of(UniqueFd fd)
{
    const auto uids = dicom::prescan(fd.get());
    for (const auto& uid : {uids.study, uids.series, uids.sop_instance}) {
        if (!is_uid(uid)) {
            throw Error{Fault::data, "a UID is missing or illegal"};
        }
    }
    if (uids.meta_sop_instance != uids.sop_instance) {
        throw Error{Fault::data, "the file's header names another object"};
    }
    const auto header = dicom::Header::read(std::move(fd));
    return {uids, Private{header.text(patient_id)}};
}

class OutputCheck {
public:
    OutputCheck(fs::path top, const InputFacts& input) : m_top{std::move(top)}, m_input{input} {}

    void look_at(const TreeFile& file)
    {
        if (!file.is_regular) {
            throw Error{Fault::data, "a link or special file is in the output"};
        }
        if (is_companion(file.path)) {
            return;
        }
        auto fd = open_in_tree(m_top, file.path);
        if (!is_part_10(fd.get())) {
            if (lower_case(file.path.extension().native()) == ".dcm") {
                throw Error{Fault::data, "a .dcm file is no DICOM file"};
            }
            ++m_result.other_files;
            return;
        }
        check(identity_of(std::move(fd)));
        m_result.images.push_back(m_top / file.path);
    }

    Output take() { return std::move(m_result); }

private:
    void check(const Identity& image)
    {
        const auto& uids = image.uids;
        const auto study = m_input.participants.find(uids.study);
        if (study == m_input.participants.end()) {
            throw Error{Fault::data, "an image belongs to a study that is not in the input"};
        }
        if (image.participant.reveal() != study->second.reveal()) {
            throw Error{Fault::data, "an image has another PatientID than its study"};
        }
        if (m_input.series.contains(uids.series)) {
            throw Error{Fault::data, "an image has the SeriesInstanceUID of an input series"};
        }
        if (m_input.instances.contains(uids.sop_instance)) {
            throw Error{Fault::data, "an image has the SOPInstanceUID of an input image"};
        }
        if (m_studies.try_emplace(uids.series, uids.study).first->second != uids.study) {
            throw Error{Fault::data, "a new series lies in two studies"};
        }
        if (!m_instances.insert(uids.sop_instance).second) {
            throw Error{Fault::data, "two images have the same SOPInstanceUID"};
        }
        m_result.instances.push_back(uids.sop_instance);
    }

    fs::path m_top;
    const InputFacts& m_input;
    std::map<std::string, std::string> m_studies; ///< by new series
    std::set<std::string> m_instances;
    Output m_result;
};

bool is_field_name(std::string_view text)
{
    constexpr std::size_t longest = 100;
    return !text.empty() && text.size() <= longest && text.front() >= 'a' && text.front() <= 'z'
           && std::ranges::all_of(text, [](char c) {
                  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
              });
}

std::string first_of(const json::Value& entry, std::initializer_list<std::string_view> keys)
{
    for (const auto key : keys) {
        if (auto text = entry.text(key); !text.empty()) {
            return text;
        }
    }
    return {};
}

OutputValue value_of(const json::Value& entry, const InputFacts& input)
{
    if (!entry.is_object()) {
        throw Error{Fault::data, "no object"};
    }
    OutputValue result{.record = Private{entry.text("record_id")},
                       .event = first_of(entry, {"redcap_event_name", "event_name"}),
                       .instrument = entry.text("redcap_repeat_instrument"),
                       .instance = 0,
                       .field = entry.text("field_name"),
                       .value = entry.text("value")};
    const bool is_known = std::ranges::any_of(input.participants, [&](const auto& study) {
        return !study.second.reveal().empty() && study.second.reveal() == result.record.reveal();
    });
    if (!is_known) {
        throw Error{Fault::data, "record_id is no participant of the input"};
    }
    if (!is_field_name(result.field)) {
        throw Error{Fault::data, "field_name is not of the form [a-z][a-z0-9_]*"};
    }
    if (const auto* const value = entry.find("value");
        value != nullptr && (value->is_array() || value->is_object())) {
        throw Error{Fault::data, "value is neither text nor number"};
    }
    constexpr std::string_view prefix = "EventName:"; // of ReferringPhysician, where it came from
    if (result.event.starts_with(prefix)) {
        result.event.erase(0, prefix.size());
    }
    const auto instance = first_of(entry, {"redcap_repeat_instance", "instance_number"});
    if (result.instrument.empty()) {
        return result;
    }
    if (!is_field_name(result.instrument)) {
        throw Error{Fault::data, "redcap_repeat_instrument is not of the form [a-z][a-z0-9_]*"};
    }
    result.instance = read_number<unsigned>(instance).value_or(0);
    if (result.instance == 0) {
        // Without a number a second import would be a second instance.
        throw Error{Fault::data, "redcap_repeat_instance is no number from 1"};
    }
    return result;
}

} // namespace

InputFacts read_input(const fs::path& folder)
{
    InputFacts facts;
    const auto images = folder / "input";
    for (const auto& file : list_tree(images)) {
        const auto image = identity_of(open_in_tree(images, file.path));
        const auto known = facts.participants.try_emplace(image.uids.study, image.participant);
        if (known.first->second.reveal() != image.participant.reveal()) {
            throw Error{Fault::data, "an input study has images of two patients"};
        }
        facts.series.insert(image.uids.series);
        facts.instances.insert(image.uids.sop_instance);
    }
    if (facts.instances.empty()) {
        throw Error{Fault::data, "there are no input images"};
    }
    return facts;
}

std::vector<OutputValue> read_values(std::string_view text, const InputFacts& input)
{
    const auto document = json::parse(text, "output.json");
    std::vector<const json::Value*> entries;
    if (document.is_array()) {
        for (const auto& entry : document.array()) {
            entries.push_back(&entry);
        }
    } else if (document.is_object()) {
        for (const auto& [key, entry] : document.object()) {
            entries.push_back(&entry);
        }
    } else {
        throw Error{Fault::data, "output.json is neither a list nor an object"};
    }
    std::vector<OutputValue> values;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        try {
            values.push_back(value_of(*entries[i], input));
        } catch (const Error& e) {
            throw e.in(fmt::format("output.json: entry {}", i + 1));
        }
    }
    return values;
}

Output check_output(const fs::path& output, const InputFacts& input, std::uint64_t max_bytes)
{
    constexpr std::size_t most_value_bytes = std::size_t{16} << 20U;
    OutputCheck check{output, input};
    std::uint64_t bytes = 0;
    bool has_values = false;
    for (const auto& file : list_tree(output)) {
        bytes += file.bytes;
        if (bytes > max_bytes) {
            throw Error{Fault::data, "the output is larger than {} bytes", max_bytes};
        }
        check.look_at(file);
        has_values = has_values || file.path == "output.json";
    }
    auto result = check.take();
    if (has_values) {
        result.values = read_values(read_file(output / "output.json", most_value_bytes), input);
    }
    return result;
}

} // namespace fiona::jobs
