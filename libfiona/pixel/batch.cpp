// SPDX-License-Identifier: MIT
#include "libfiona/pixel/batch.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"
#include "libfiona/store/atomic_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

namespace fiona::pixel {

namespace {

namespace fs = std::filesystem;

void prepare_output(const fs::path& directory)
{
    std::error_code problem;
    if (fs::exists(directory, problem)
        && (!fs::is_directory(directory, problem) || !fs::is_empty(directory, problem))) {
        throw Error{Fault::usage, "{}: must be an empty or a new directory", directory.native()};
    }
    make_directories(directory);
}

/// An array of texts, or an object whose values are texts or arrays of them.
std::vector<std::string> read_identity(const fs::path& file)
{
    std::vector<std::string> texts;
    const auto take = [&](const json::Value& value) {
        if (!value.is_array()) {
            texts.push_back(value.string());
            return;
        }
        for (const auto& text : value.array()) {
            texts.push_back(text.string());
        }
    };
    try {
        const auto value = json::parse(read_file(file), file.native());
        if (value.is_array()) {
            take(value);
        } else {
            for (const auto& [key, entry] : value.object()) {
                take(entry);
            }
        }
    } catch (const Error& error) {
        throw Error{error.fault() == Fault::data ? Fault::config : error.fault(), "{}: {}",
                    file.native(), "no JSON array or object of texts"};
    }
    return texts;
}

std::vector<std::string> read_words(const fs::path& file)
{
    std::vector<std::string> words;
    const auto content = read_file(file);
    for (const auto line : split(content, '\n')) {
        if (const auto word = trimmed(line); !word.empty() && word.front() != '#') {
            words.emplace_back(word);
        }
    }
    return words;
}

CleanOptions options_of(const BatchWishes& wishes)
{
    CleanOptions options;
    options.search = wishes.search;
    options.hide = wishes.hide;
    options.least_confidence = wishes.confidence;
    options.languages = wishes.languages;
    if (wishes.hide == Hide::known && wishes.search == Search::detect) {
        throw Error{Fault::usage, "--mask known needs --mode ocr or both: detect cannot read"};
    }
    if (!wishes.phi.empty()) {
        options.identity = Private{read_identity(wishes.phi)};
    }
    if (!wishes.regions.empty()) {
        options.regions = read_regions(wishes.regions);
    }
    if (!wishes.safe_list.empty()) {
        options.safe_words = read_words(wishes.safe_list);
    }
    if (!wishes.preview.empty()) {
        make_directories(wishes.preview);
        options.preview = wishes.preview;
    }
    return options;
}

/// Where outputs of a dry run go, until they are thrown away.
class Discarded {
public:
    Discarded()
    {
        std::string name = fs::temp_directory_path() / "fiona-rewrite-pixel-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) {
            throw os_error(errno, "make a temporary directory");
        }
        m_path = name;
    }
    Discarded(const Discarded&) = delete;
    Discarded& operator=(const Discarded&) = delete;
    ~Discarded()
    {
        std::error_code ignored; // the system cleans its temporary directory some day
        fs::remove_all(m_path, ignored);
    }

    [[nodiscard]] const fs::path& path() const { return m_path; }

private:
    fs::path m_path;
};

std::string name_of(std::size_t index)
{
    return fmt::format("{:06}.dcm", index + 1);
}

} // namespace

Batch clean_directory(const BatchWishes& wishes, Mode mode)
{
    const auto options = options_of(wishes);
    const auto inputs = input_files(wishes.input);
    std::optional<Discarded> discarded;
    if (mode == Mode::apply) {
        prepare_output(wishes.output);
    } else {
        discarded.emplace();
    }
    const fs::path directory = discarded ? discarded->path() : fs::path{wishes.output};
    std::vector<CleanJob> jobs;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        jobs.push_back({inputs[i], directory / name_of(i)});
    }
    std::vector<CleanReport> reports(jobs.size());
    clean_files(jobs, options, wishes.at_once, [&](std::size_t index, const CleanReport& report) {
        reports[index] = report;
        if (discarded) {
            std::error_code ignored; // with the directory at the latest
            fs::remove(jobs[index].output, ignored);
        }
    });

    Batch batch;
    batch.files = jobs.size();
    std::map<Verdict, std::size_t> counts;
    json::Array files;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        const auto& report = reports[i];
        ++counts[report.verdict];
        auto entry = report.to_json();
        if (report.verdict == Verdict::held || report.verdict == Verdict::refused) {
            batch.set_aside.push_back({inputs[i], report.verdict, report.reason});
            entry.object().emplace("input", inputs[i].native());
        } else {
            entry.object().emplace("output", name_of(i));
        }
        files.emplace_back(std::move(entry));
    }
    json::Object summary;
    for (const auto verdict :
         {Verdict::unchanged, Verdict::masked, Verdict::held, Verdict::refused}) {
        summary.emplace(word_of(verdict), counts[verdict]);
        batch.rows.push_back({std::string{word_of(verdict)}, std::to_string(counts[verdict])});
    }
    batch.document = json::Object{{"files", files}, {"summary", summary}};
    if (!wishes.report.empty()) {
        store::write_file(wishes.report, json::write(batch.document, json::Style::pretty) + "\n");
    }
    return batch;
}

} // namespace fiona::pixel
