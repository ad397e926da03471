//! An AWS with 1,000 members, answered from memory: Moto needs 18 ms of CPU for each instance of a
//! DescribeInstances, so at this size it would measure itself. Pages are exactly AWS's (ListInstances
//! 100, Auto Scaling groups 100 at most, ELBv2 400, EC2 200 values a filter, DescribeTags 20 ARNs),
//! and what AWS refuses is refused.

use super::fault::{Service, error};
use super::http::{Request, Response};
use super::proxy::{Backend, Call};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const PRODUCTS: [(&str, u16); 4] =
    [("grafana", 3000), ("loki", 3100), ("tempo", 3200), ("otlp", 4317)];
const COLOURS: [&str; 2] = ["blue", "green"];
const ZONES: [&str; 3] = ["us-west-2a", "us-west-2b", "us-west-2c"];
const ARN: &str = "arn:aws:elasticloadbalancing:us-west-2:123456789012";
const BALANCER: &str = "loadbalancer/net/front/50dc6c495c0c9188";
const NONE: [&str; 0] = [];
const TIME: &str = "2026-01-01T00:00:00Z";

/// A healthy world: half of the nodes blue at weight 100, half green at weight 0.
pub struct BigWorld {
    nodes: usize,
    empty: Arc<AtomicBool>,
}

impl BigWorld {
    /// # Panics
    /// When the nodes cannot be halved, or are too many for one registry service.
    pub fn new(nodes: usize) -> Self {
        assert!(nodes.is_multiple_of(2) && nodes <= 1000, "{nodes}");
        Self { nodes, empty: Arc::default() }
    }

    /// Whether the groups and the members are gone, from one call to the next.
    pub fn emptied(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.empty)
    }

    fn is_empty(&self) -> bool {
        self.empty.load(Ordering::SeqCst)
    }

    fn fleet(&self, colour: &str) -> std::ops::Range<usize> {
        let half = self.nodes / 2;
        if colour == "blue" { 0..half } else { half..self.nodes }
    }

    fn colour(&self, node: usize) -> &'static str {
        COLOURS[usize::from(node >= self.nodes / 2)]
    }
}

type Answer = Result<Response, (&'static str, String)>;

impl Backend for BigWorld {
    fn answer(&self, call: &Call, _: &Request) -> Option<Response> {
        let answer = match call.service {
            Service::CloudMap => self.cloud_map(call),
            Service::AutoScaling => self.auto_scaling(call),
            Service::Elbv2 => self.elbv2(call),
            Service::Ec2 => self.ec2(call),
            Service::Sts => Ok(identity()),
            Service::Other => Err(("UnknownOperationException", call.operation.clone())),
        };
        Some(answer.unwrap_or_else(|(code, message)| error(call.service, 400, code, &message)))
    }
}

impl BigWorld {
    fn cloud_map(&self, call: &Call) -> Answer {
        let body = match call.operation.as_str() {
            "ListNamespaces" => json!({ "Namespaces": [{
                "Id": "ns-big", "Name": "glt.internal", "Type": "DNS_PRIVATE",
                "Arn": "arn:aws:servicediscovery:us-west-2:123456789012:namespace/ns-big",
                "Properties": { "HttpProperties": { "HttpName": "glt.internal" } },
            }] }),
            "ListServices" => json!({ "Services": [{
                "Id": "srv-big", "Name": "glt", "InstanceCount": self.nodes,
                "Arn": "arn:aws:servicediscovery:us-west-2:123456789012:service/srv-big",
                "DnsConfig": { "RoutingPolicy": "MULTIVALUE",
                               "DnsRecords": [{ "Type": "A", "TTL": 60 }] },
            }] }),
            "DiscoverInstancesRevision" => {
                json!({ "InstancesRevision": if self.is_empty() { 0 } else { self.nodes } })
            }
            "ListInstances" if self.is_empty() => json!({ "Instances": [] }),
            "ListInstances" => self.members(call)?,
            other => return Err(("UnknownOperationException", other.to_owned())),
        };
        Ok(Response::new(200, "application/x-amz-json-1.1", body.to_string()))
    }

    fn members(&self, call: &Call) -> Result<serde_json::Value, (&'static str, String)> {
        let size = number(call, "MaxResults")?.unwrap_or(100);
        if !(1..=100).contains(&size) {
            return Err(("InvalidInput", format!("MaxResults {size}")));
        }
        let from = number(call, "NextToken")?.unwrap_or(0);
        let to = self.nodes.min(from + size);
        let members: Vec<_> = (from..to)
            .map(|node| {
                let attributes =
                    json!({ "AWS_INSTANCE_IPV4": address(node), "STACK": self.colour(node) });
                json!({ "Id": id(node), "Attributes": attributes })
            })
            .collect();
        let mut body = json!({ "Instances": members });
        if to < self.nodes {
            body["NextToken"] = json!(to.to_string());
        }
        Ok(body)
    }

    fn auto_scaling(&self, call: &Call) -> Answer {
        let inner = match call.operation.as_str() {
            "DescribeAutoScalingGroups" => {
                if number(call, "MaxRecords")?.is_some_and(|size| size > 100) {
                    return Err(("ValidationError", "MaxRecords is at most 100".into()));
                }
                if self.is_empty() {
                    return Ok(result(call, &list("AutoScalingGroups", NONE)));
                }
                list("AutoScalingGroups", COLOURS.map(|colour| self.group(colour)))
            }
            "DescribeScalingActivities" => list("Activities", NONE),
            "DescribeInstanceRefreshes" => list("InstanceRefreshes", NONE),
            other => return Err(("InvalidAction", other.to_owned())),
        };
        Ok(result(call, &inner))
    }

    fn group(&self, colour: &str) -> String {
        let size = self.nodes / 2;
        let instances = list(
            "Instances",
            self.fleet(colour).map(|node| {
                format!(
                    "<InstanceId>{}</InstanceId><AvailabilityZone>{}</AvailabilityZone>\
                     <LifecycleState>InService</LifecycleState><HealthStatus>Healthy</HealthStatus>\
                     <ProtectedFromScaleIn>false</ProtectedFromScaleIn>\
                     <LaunchTemplate><LaunchTemplateId>lt-1</LaunchTemplateId><Version>1</Version>\
                     </LaunchTemplate>",
                    id(node),
                    zone(node)
                )
            }),
        );
        let attached = list("TargetGroupARNs", PRODUCTS.map(|(name, _)| group_arn(colour, name)));
        let zones = list("AvailabilityZones", ZONES);
        let tag = format!(
            "<ResourceId>{colour}-asg</ResourceId><ResourceType>auto-scaling-group</ResourceType>\
             <Key>STACK</Key><Value>{colour}</Value><PropagateAtLaunch>true</PropagateAtLaunch>"
        );
        format!(
            "<AutoScalingGroupName>{colour}-asg</AutoScalingGroupName><MinSize>{size}</MinSize>\
             <MaxSize>{}</MaxSize><DesiredCapacity>{size}</DesiredCapacity>\
             <DefaultCooldown>300</DefaultCooldown>{zones}{attached}\
             <HealthCheckType>EC2,ELB</HealthCheckType>\
             <HealthCheckGracePeriod>300</HealthCheckGracePeriod>{instances}\
             <CreatedTime>{TIME}</CreatedTime>{}",
            2 * size,
            list("Tags", [tag])
        )
    }

    fn elbv2(&self, call: &Call) -> Answer {
        if number(call, "PageSize")?.is_some_and(|size| size > 400) {
            return Err(("ValidationError", "PageSize is at most 400".into()));
        }
        let inner = match call.operation.as_str() {
            "DescribeLoadBalancers" => list("LoadBalancers", [balancer()]),
            "DescribeLoadBalancerAttributes" => {
                list("Attributes", [attribute("load_balancing.cross_zone.enabled", "true")])
            }
            "DescribeListeners" => list("Listeners", PRODUCTS.map(listener)),
            "DescribeRules" => list("Rules", [default_rule(call)?]),
            "DescribeTargetGroups" => list("TargetGroups", groups().map(target_group)),
            "DescribeTargetGroupAttributes" => {
                list("Attributes", [attribute("deregistration_delay.timeout_seconds", "300")])
            }
            "DescribeTags" => tags(call)?,
            "DescribeTargetHealth" => self.target_health(call)?,
            other => return Err(("InvalidAction", other.to_owned())),
        };
        Ok(result(call, &inner))
    }

    fn target_health(&self, call: &Call) -> Result<String, (&'static str, String)> {
        let arn = call.param("TargetGroupArn").unwrap_or_default();
        let Some((colour, (_, port))) =
            groups().find(|(colour, (name, _))| arn == group_arn(colour, name))
        else {
            return Err(("TargetGroupNotFound", arn.to_owned()));
        };
        let targets = self.fleet(colour).map(|node| {
            format!(
                "<Target><Id>{}</Id><Port>{port}</Port><AvailabilityZone>{}</AvailabilityZone>\
                 </Target><HealthCheckPort>8080</HealthCheckPort>\
                 <TargetHealth><State>healthy</State></TargetHealth>",
                id(node),
                zone(node)
            )
        });
        Ok(list("TargetHealthDescriptions", targets))
    }

    fn ec2(&self, call: &Call) -> Answer {
        if call.operation != "DescribeInstances" {
            return Err(("InvalidAction", call.operation.clone()));
        }
        let wanted: Vec<_> = call
            .params
            .iter()
            .filter(|(name, _)| name.starts_with("Filter.1.Value."))
            .map(|(_, value)| value.as_str())
            .collect();
        if call.param("Filter.1.Name") != Some("instance-id") || wanted.len() > 200 {
            return Err(("FilterLimitExceeded", format!("{} values", wanted.len())));
        }
        let found: String = (0..self.nodes)
            .filter(|node| wanted.contains(&id(*node).as_str()))
            .map(|node| {
                format!(
                    "<item><reservationId>r-{node}</reservationId><instancesSet><item>\
                     <instanceId>{}</instanceId><privateIpAddress>{}</privateIpAddress>\
                     <instanceState><code>16</code><name>running</name></instanceState>\
                     <launchTime>{TIME}</launchTime><placement><availabilityZone>{}\
                     </availabilityZone></placement></item></instancesSet></item>",
                    id(node),
                    address(node),
                    zone(node)
                )
            })
            .collect();
        let body = format!(
            "<DescribeInstancesResponse><requestId>r</requestId>\
             <reservationSet>{found}</reservationSet></DescribeInstancesResponse>"
        );
        Ok(Response::new(200, "text/xml", body))
    }
}

fn id(node: usize) -> String {
    format!("i-{node:017x}")
}

fn address(node: usize) -> String {
    format!("127.250.{}.{}", node / 250, node % 250 + 1)
}

fn zone(node: usize) -> &'static str {
    ZONES[node % ZONES.len()]
}

fn groups() -> impl Iterator<Item = (&'static str, (&'static str, u16))> {
    COLOURS.into_iter().flat_map(|colour| PRODUCTS.map(|product| (colour, product)))
}

fn group_arn(colour: &str, product: &str) -> String {
    format!("{ARN}:targetgroup/{colour}-{product}/{:016x}", colour.len() * 16 + product.len())
}

fn listener_arn(port: u16) -> String {
    format!("{ARN}:listener/net/front/50dc6c495c0c9188/{port:016x}")
}

fn balancer() -> String {
    let zones =
        ZONES.map(|zone| format!("<ZoneName>{zone}</ZoneName><SubnetId>subnet-{zone}</SubnetId>"));
    format!(
        "<LoadBalancerArn>{ARN}:{BALANCER}</LoadBalancerArn><LoadBalancerName>front\
         </LoadBalancerName><Type>network</Type><Scheme>internal</Scheme><VpcId>vpc-1</VpcId>\
         <State><Code>active</Code></State>{}{}",
        list("AvailabilityZones", zones),
        list("SecurityGroups", ["sg-1"])
    )
}

fn listener((product, port): (&str, u16)) -> String {
    format!(
        "<ListenerArn>{}</ListenerArn><LoadBalancerArn>{ARN}:{BALANCER}</LoadBalancerArn>\
         <Port>{port}</Port><Protocol>TCP</Protocol>{}",
        listener_arn(port),
        forward("DefaultActions", product)
    )
}

fn forward(element: &str, product: &str) -> String {
    let weighted = COLOURS.map(|colour| {
        let weight = if colour == "blue" { 100 } else { 0 };
        format!(
            "<TargetGroupArn>{}</TargetGroupArn><Weight>{weight}</Weight>",
            group_arn(colour, product)
        )
    });
    let action = format!(
        "<Type>forward</Type><ForwardConfig>{}</ForwardConfig>",
        list("TargetGroups", weighted)
    );
    list(element, [action])
}

fn default_rule(call: &Call) -> Result<String, (&'static str, String)> {
    let arn = call.param("ListenerArn").unwrap_or_default();
    let Some((product, _)) = PRODUCTS.into_iter().find(|(_, port)| arn == listener_arn(*port))
    else {
        return Err(("ListenerNotFound", arn.to_owned()));
    };
    Ok(format!(
        "<RuleArn>{}</RuleArn><Priority>default</Priority><IsDefault>true</IsDefault>{}",
        arn.replace(":listener/", ":listener-rule/"),
        forward("Actions", product)
    ))
}

fn target_group((colour, (product, port)): (&str, (&str, u16))) -> String {
    format!(
        "<TargetGroupArn>{}</TargetGroupArn><TargetGroupName>{colour}-{product}</TargetGroupName>\
         <Protocol>TCP</Protocol><Port>{port}</Port><VpcId>vpc-1</VpcId>\
         <TargetType>instance</TargetType><HealthCheckProtocol>HTTP</HealthCheckProtocol>\
         <HealthCheckPort>8080</HealthCheckPort><HealthCheckPath>/healthz</HealthCheckPath>\
         <HealthCheckIntervalSeconds>10</HealthCheckIntervalSeconds>\
         <HealthyThresholdCount>2</HealthyThresholdCount>\
         <UnhealthyThresholdCount>2</UnhealthyThresholdCount>{}",
        group_arn(colour, product),
        list("LoadBalancerArns", [format!("{ARN}:{BALANCER}")])
    )
}

fn tags(call: &Call) -> Result<String, (&'static str, String)> {
    let arns: Vec<_> =
        call.params.iter().filter(|(name, _)| name.starts_with("ResourceArns.")).collect();
    if arns.len() > 20 {
        return Err(("ValidationError", format!("{} ARNs", arns.len())));
    }
    let described = arns.iter().map(|(_, arn)| format!("<ResourceArn>{arn}</ResourceArn><Tags/>"));
    Ok(list("TagDescriptions", described))
}

fn attribute(key: &str, value: &str) -> String {
    format!("<Key>{key}</Key><Value>{value}</Value>")
}

fn identity() -> Response {
    let body = "<GetCallerIdentityResponse><GetCallerIdentityResult>\
                <Arn>arn:aws:sts::123456789012:assumed-role/ops/op</Arn><UserId>AROA:op</UserId>\
                <Account>123456789012</Account></GetCallerIdentityResult>\
                </GetCallerIdentityResponse>";
    Response::new(200, "text/xml", body)
}

/// A list of the query protocols: each item in `<member>`.
fn list(name: &str, items: impl IntoIterator<Item = impl std::fmt::Display>) -> String {
    let members: String =
        items.into_iter().map(|item| format!("<member>{item}</member>")).collect();
    format!("<{name}>{members}</{name}>")
}

fn result(call: &Call, inner: &str) -> Response {
    let name = &call.operation;
    let body = format!(
        "<{name}Response><{name}Result>{inner}</{name}Result>\
         <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{name}Response>"
    );
    Response::new(200, "text/xml", body)
}

fn number(call: &Call, name: &str) -> Result<Option<usize>, (&'static str, String)> {
    call.param(name)
        .map(|text| text.parse().map_err(|_| ("ValidationError", format!("{name}={text}"))))
        .transpose()
}
