//! The answer to DescribeInstances: of some hundred elements an instance, the five that count.

use super::xml::{Visit, XmlError, walk};
use crate::core::ids::{InstanceId, Zone};
use crate::core::inventory::Ec2Instance;
use jiff::Timestamp;
use std::net::IpAddr;

/// One page of the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) instances: Vec<Ec2Instance>,
    pub(super) next_token: Option<String>,
}

/// Reads one page.
///
/// # Errors
/// What is not a whole DescribeInstancesResponse; an instance without an id or a state; an
/// address or a time that is none.
pub(super) fn page(body: &[u8]) -> Result<Page, XmlError> {
    let mut reading = Reading::default();
    walk(body, &mut reading)?;
    Ok(reading.page)
}

/// The fields of an instance as they come.
#[derive(Default)]
struct Fields {
    id: Option<String>,
    state: Option<String>,
    private_ip: Option<IpAddr>,
    zone: Option<Zone>,
    launched: Option<Timestamp>,
    image: Option<String>,
}

#[derive(Default)]
struct Reading {
    fields: Fields,
    page: Page,
}

const ROOT: &str = "DescribeInstancesResponse";
const INSTANCE: [&str; 5] = [ROOT, "reservationSet", "item", "instancesSet", "item"];

impl Visit for Reading {
    fn open(&mut self, path: &[String]) -> Result<(), XmlError> {
        if path.len() == 1 && path[0] != ROOT {
            return Err(XmlError::Content(format!("it is a <{}>, not a <{ROOT}>", path[0])));
        }
        if path.iter().map(String::as_str).eq(INSTANCE) {
            self.fields = Fields::default();
        }
        Ok(())
    }

    fn close(&mut self, path: &[String], text: &str) -> Result<(), XmlError> {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match path.strip_prefix(&INSTANCE[..]) {
            Some([]) => self.page.instances.push(instance(std::mem::take(&mut self.fields))?),
            Some(field) if !text.is_empty() => self.fields.take(field, text)?,
            None if path == [ROOT, "nextToken"] && !text.is_empty() => {
                self.page.next_token = Some(text.to_owned());
            }
            _ => {}
        }
        Ok(())
    }
}

impl Fields {
    fn take(&mut self, field: &[&str], text: &str) -> Result<(), XmlError> {
        match field {
            ["instanceId"] => self.id = Some(text.to_owned()),
            ["instanceState", "name"] => self.state = Some(text.to_owned()),
            ["privateIpAddress"] => self.private_ip = Some(parse("privateIpAddress", text)?),
            ["placement", "availabilityZone"] => self.zone = Some(Zone::from(text)),
            ["imageId"] => self.image = Some(text.to_owned()),
            ["launchTime"] => self.launched = Some(parse("launchTime", text)?),
            _ => {}
        }
        Ok(())
    }
}

fn instance(fields: Fields) -> Result<Ec2Instance, XmlError> {
    let lacks = |what| XmlError::Content(format!("an instance has no {what}"));
    Ok(Ec2Instance {
        id: InstanceId::from(fields.id.ok_or_else(|| lacks("instanceId"))?),
        state: fields.state.ok_or_else(|| lacks("instanceState"))?.into(),
        private_ip: fields.private_ip,
        zone: fields.zone,
        launched: fields.launched,
        image: fields.image.map(Into::into),
    })
}

fn parse<T: std::str::FromStr>(what: &str, text: &str) -> Result<T, XmlError> {
    text.parse().map_err(|_| XmlError::Content(format!("{text:?} is no {what}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(instance: &str) -> String {
        format!(
            "<DescribeInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
             <requestId>r</requestId><reservationSet><item><reservationId>r-1</reservationId>\
             <instancesSet><item>{instance}</item></instancesSet></item></reservationSet>\
             </DescribeInstancesResponse>"
        )
    }

    #[test]
    fn the_fields_that_count() {
        let text = wrapped(
            "<instanceId>i-0123456789abcdef0</instanceId><imageId>ami-1</imageId>\
             <instanceState><code>16</code><name>running</name></instanceState>\
             <privateIpAddress>127.0.1.2</privateIpAddress>\
             <launchTime>2026-11-22T10:00:00.000Z</launchTime>\
             <placement><availabilityZone>us-west-2a</availabilityZone></placement>\
             <networkInterfaceSet><item><privateIpAddress>10.9.9.9</privateIpAddress>\
             <instanceId>eni</instanceId></item></networkInterfaceSet>",
        );
        let read = page(text.as_bytes()).unwrap();
        assert_eq!(read.next_token, None);
        assert_eq!(
            read.instances,
            [Ec2Instance {
                id: "i-0123456789abcdef0".into(),
                state: "running".into(),
                private_ip: Some("127.0.1.2".parse().unwrap()),
                zone: Some("us-west-2a".into()),
                launched: Some("2026-11-22T10:00:00Z".parse().unwrap()),
                image: Some("ami-1".into()),
            }]
        );
    }

    #[test]
    fn nothing_of_one_instance_reaches_the_next() {
        let text = wrapped(
            "<instanceId>i-1</instanceId><instanceState><name>running</name></instanceState>\
             <privateIpAddress>127.0.1.2</privateIpAddress></item><item>\
             <instanceId>i-2</instanceId><instanceState><name>terminated</name></instanceState>\
             <privateIpAddress/>",
        );
        let read = page(text.as_bytes()).unwrap().instances;
        assert_eq!(read.len(), 2);
        assert_eq!((read[1].private_ip, read[1].launched), (None, None));
        assert!(read[1].is_gone());
    }

    #[test]
    fn what_is_not_the_promised_answer() {
        let no_state = wrapped("<instanceId>i-1</instanceId>");
        let no_id = wrapped("<instanceState><name>running</name></instanceState>");
        let bad_ip = wrapped("<privateIpAddress>10.0.1</privateIpAddress>");
        let whole = wrapped("<instanceId>i-1</instanceId>");
        let half = &whole[..whole.len() / 2];
        for odd in [no_state.as_str(), &no_id, &bad_ip, half, "", "<Response/>", "{}"] {
            assert!(page(odd.as_bytes()).is_err(), "{odd}");
        }
    }
}
