// SPDX-License-Identifier: MIT
#include "libfiona/export/mail.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/export/template.h"
#include "libfiona/notify/mailer.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace fiona::exports {

namespace {

const std::vector<std::string_view> mail_fields{"Project", "ParticipantID", "Event",
                                                "Type",    "Sender",        "Link"};

struct Letter {
    Template subject;
    Template body;
};

/// `Subject: ...`, an empty line, the text.
Letter read_letter(const std::filesystem::path& file)
{
    const auto text = read_file(file);
    constexpr std::string_view subject = "Subject:";
    const auto end = text.find("\n\n");
    if (!text.starts_with(subject) || end == std::string::npos) {
        throw Error{Fault::config, "{}: must begin with a line `Subject: ...` and an empty line",
                    file.native()};
    }
    return {Template{trimmed(std::string_view{text}.substr(subject.size(), end - subject.size())),
                     mail_fields},
            Template{std::string_view{text}.substr(end + 2), mail_fields}};
}

notify::Mail mail_of(const Letter& letter, const ExportJob& job, const std::string& link)
{
    const std::map<std::string_view, std::string> values{
        {"Project", job.project}, {"ParticipantID", job.participant},
        {"Event", job.event},     {"Type", job.type},
        {"Sender", job.sender},   {"Link", link}};
    const auto lookup = [&](std::string_view name) -> std::optional<std::string> {
        return values.at(name);
    };
    const auto filled = [&](const Template& text) {
        const auto value = text.value(lookup);
        if (!value) {
            throw Error{Fault::config, "the mail's template needs a value that the job does not "
                                       "have; give it another with |"};
        }
        return *value;
    };
    return {.to = {notify::parse_mailbox(job.email)},
            .subject = filled(letter.subject),
            .body = filled(letter.body),
            .id = "export-" + job.id};
}

} // namespace

std::string url_encoded(std::string_view text)
{
    std::string encoded;
    for (const char c : text) {
        const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                              || (c >= '0' && c <= '9')
                              || std::string_view{"-._~"}.find(c) != std::string_view::npos;
        encoded +=
            is_plain ? std::string{c} : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return encoded;
}

SendMail mail_sender(const Config& config, const ExportSettings& settings)
{
    if (config.smtp.url.empty()) {
        return {};
    }
    auto mailer = std::make_shared<const notify::Mailer>(config.smtp);
    auto letter = std::make_shared<const Letter>(read_letter(settings.mail_template));
    return [mailer, letter, &settings](const ExportJob& job, const std::filesystem::path& package) {
        const auto link = settings.link + url_encoded(package.filename().native());
        const auto delivery = mailer->send(mail_of(*letter, job, link), Clock::now());
        if (delivery == notify::Mailer::Delivery::uncertain) {
            log::warn("mail_uncertain", {{"job", job.id}, {"project", job.project}});
        }
    };
}

} // namespace fiona::exports
