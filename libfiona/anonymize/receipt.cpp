// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/receipt.h"

#include "libfiona/anonymize/inputs.h"
#include "libfiona/anonymize/run_summary.h"
#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"
#include "libfiona/store/atomic_file.h"

#include <algorithm>
#include <map>

namespace fiona::anonymize {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view format_name = "fiona-receipt-1";

std::string_view verdict_name(Verdict verdict)
{
    switch (verdict) {
    case Verdict::written: return "clean";
    case Verdict::refused: return "refused";
    case Verdict::leaked: break;
    }
    return "leaked";
}

fs::path file_of(const fs::path& directory, std::int64_t number)
{
    return directory / fmt::format("{:08}.json", number);
}

/// The text that is signed: the receipt without its signature.
std::string signed_text(json::Object document)
{
    document.erase("signature");
    return json::write(document);
}

std::optional<json::Object> read_receipt(const fs::path& file)
{
    try {
        const auto document = json::parse(read_file(file), "receipt");
        const auto* const number = document.find("number");
        const auto* const body = document.find("body");
        const bool fits = document.is_object() && document.text("format") == format_name
                          && number != nullptr && number->is_integer() && body != nullptr
                          && body->is_object();
        return fits ? std::optional{document.object()} : std::nullopt;
    } catch (const Error& error) {
        if (error.fault() != Fault::data) {
            throw;
        }
        return std::nullopt;
    }
}

const json::Array& objects_of(const json::Object& receipt)
{
    static const json::Array none;
    const auto* const objects = receipt.at("body").find("objects");
    return objects != nullptr && objects->is_array() ? objects->array() : none;
}

} // namespace

json::Object receipt_body(const Report& report, const Settings& settings)
{
    json::Array objects;
    for (const auto& file : report.files) {
        json::Object object{{"verdict", verdict_name(file.verdict)}};
        if (file.verdict == Verdict::written) {
            object["input_sha256"] = file.input_sha256;
            object["output_sha256"] = file.output_sha256;
            object["sop_instance"] = file.new_sop;
            object["series"] = file.new_series;
            object["bytes"] = file.bytes;
        }
        objects.emplace_back(std::move(object));
    }
    json::Array studies;
    for (const auto& study : report.new_studies) {
        studies.emplace_back(study);
    }
    return {{"project", settings.project.str()},
            {"participant", settings.participant.str()},
            {"event", settings.event ? settings.event->str() : ""},
            {"studies", std::move(studies)},
            {"summary", report.summary},
            {"objects", std::move(objects)}};
}

ReceiptBook::ReceiptBook(fs::path directory, SigningKey key)
    : m_directory{std::move(directory)}, m_key{std::move(key)}
{
}

fs::path ReceiptBook::append(const json::Object& body, TimePoint now) const
{
    make_directories(m_directory);
    const FileLock lock{m_directory / ".lock", std::chrono::seconds{30}};
    const auto known = find_receipts(m_directory);
    std::int64_t number = 1;
    std::string previous(64, '0');
    if (!known.empty()) {
        const auto last = read_receipt(known.back());
        if (!last) {
            throw Error{Fault::config, "{}: no receipt; no other can follow it",
                        known.back().native()};
        }
        number = last->at("number").integer() + 1;
        previous = sha256_of_file(known.back());
    }
    json::Object document{{"format", format_name},
                          {"number", number},
                          {"previous", previous},
                          {"time", iso8601_utc(now)},
                          {"tool_version", FIONA_VERSION},
                          {"body", body},
                          {"public_key", m_key.public_key()}};
    document["signature"] = m_key.sign(signed_text(document));
    auto file = file_of(m_directory, number);
    store::AtomicFile target{file, 0640};
    target.write(json::write(document, json::Style::pretty) + "\n");
    target.commit_new();
    return file;
}

bool ReceiptBook::has(const std::string& id) const
{
    std::error_code problem;
    if (!fs::exists(m_directory, problem)) {
        return false;
    }
    auto files = find_receipts(m_directory);
    std::ranges::reverse(files);
    return std::ranges::any_of(files, [&](const fs::path& file) {
        const auto receipt = read_receipt(file);
        return receipt && receipt->at("body").text("id") == id;
    });
}

std::optional<std::string> public_key_of(const std::string& given)
{
    if (given.empty()) {
        return std::nullopt;
    }
    std::error_code problem;
    return fs::exists(given, problem) ? std::string{trimmed(read_file(given))} : given;
}

std::vector<fs::path> find_receipts(const fs::path& path)
{
    std::error_code problem;
    if (!fs::is_directory(path, problem)) {
        if (!fs::exists(path, problem)) {
            throw Error{Fault::missing, "{}: not there", path.native()};
        }
        return {path};
    }
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator{path}) {
        const auto name = entry.path().filename().native();
        if (name.ends_with(".json") && name.find_first_not_of("0123456789") == name.size() - 5) {
            files.push_back(entry.path());
        }
    }
    std::ranges::sort(files);
    return files;
}

std::vector<ReceiptFinding> check_receipts(const std::vector<fs::path>& receipts,
                                           const std::optional<std::string>& public_key)
{
    std::vector<ReceiptFinding> findings;
    auto key = public_key;
    std::int64_t last_number = 0;
    std::string last_digest(64, '0');
    for (const auto& file : receipts) {
        const auto complain = [&](std::string what) {
            findings.push_back({file, std::move(what)});
        };
        const auto receipt = read_receipt(file);
        const auto digest = sha256_of_file(file);
        if (!receipt) {
            complain("no receipt, or a damaged one");
            last_number = 0;
            last_digest = digest;
            continue;
        }
        const json::Value document{*receipt};
        const auto number = receipt->at("number").integer();
        key = key ? key : document.text("public_key");
        if (document.text("public_key") != *key) {
            complain("signed with another key");
        } else if (!is_signed(signed_text(*receipt), *key, document.text("signature"))) {
            complain("the signature does not fit: it was changed");
        }
        const bool is_first = &file == &receipts.front();
        if (is_first ? number == 1 && document.text("previous") != last_digest
                     : last_number != 0 && number != last_number + 1) {
            complain(is_first ? "the first receipt follows another one"
                              : "a receipt before it is missing");
        } else if (!is_first && document.text("previous") != last_digest) {
            complain("the chain is broken: the receipt before it is another one");
        }
        last_number = number;
        last_digest = digest;
    }
    return findings;
}

std::vector<ReceiptFinding> check_outputs(const std::vector<fs::path>& receipts,
                                          const fs::path& directory)
{
    std::map<std::string, std::string> missing; // digest -> SOP instance
    for (const auto& file : receipts) {
        if (const auto receipt = read_receipt(file)) {
            for (const auto& object : objects_of(*receipt)) {
                if (object.text("verdict") == "clean") {
                    missing[object.text("output_sha256")] = object.text("sop_instance");
                }
            }
        }
    }
    const auto expected = missing;
    std::vector<ReceiptFinding> findings;
    for (const auto& file : input_files(directory)) {
        if (file.extension() != ".dcm") {
            continue;
        }
        const auto digest = sha256_of_file(file);
        missing.erase(digest);
        if (!expected.contains(digest)) {
            findings.push_back({file, "no receipt knows this file as it is"});
        }
    }
    for (const auto& [digest, instance] : missing) {
        findings.push_back({directory, "the object " + instance + " of a receipt is missing"});
    }
    return findings;
}

} // namespace fiona::anonymize
